package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"meibo/shared/store"
)

type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func encodeKey(k store.Key) attributes {
	return attributes{store.AttrPK: text(k.PK), store.AttrSK: text(k.SK)}
}

func encode(it store.Item) attributes {
	m := encodeKey(it.Key)
	m[store.AttrV], m[store.AttrFence] = number(it.V), number(it.Fence)
	if !it.Expires.IsZero() {
		m[store.AttrTTL], m[store.AttrExpires] = number(store.TTL(it.Expires)), number(it.Expires.UnixNano())
	}
	if len(it.Body) > 0 {
		m[store.AttrBody] = &types.AttributeValueMemberB{Value: it.Body}
	}
	return m
}

var errForeign = errors.New("store: the DynamoDB table holds an item that Meibo did not write: give Meibo a table of its own")

func decode(m attributes) (store.Item, error) {
	var it store.Item
	pk, ok1 := m[store.AttrPK].(*types.AttributeValueMemberS)
	sk, ok2 := m[store.AttrSK].(*types.AttributeValueMemberS)
	if !ok1 || !ok2 {
		return it, errForeign
	}
	it.Key = store.Key{PK: pk.Value, SK: sk.Value}
	var expires int64
	for name, n := range map[string]*int64{store.AttrV: &it.V, store.AttrFence: &it.Fence, store.AttrExpires: &expires} {
		v, ok := m[name]
		if !ok {
			continue
		}
		num, ok := v.(*types.AttributeValueMemberN)
		if !ok {
			return it, errForeign
		}
		var err error
		if *n, err = strconv.ParseInt(num.Value, 10, 64); err != nil {
			return it, fmt.Errorf("%w (attribute %s)", errForeign, name)
		}
	}
	if expires != 0 {
		it.Expires = time.Unix(0, expires).UTC()
	}
	if v, ok := m[store.AttrBody]; ok {
		b, ok := v.(*types.AttributeValueMemberB)
		if !ok {
			return it, errForeign
		}
		it.Body = b.Value
	}
	return it, nil
}

// condition is a store.Cond as DynamoDB says it. Its zero value always holds.
type condition struct {
	expr   *string
	names  map[string]string
	values attributes
}

// conditionOf writes c as an expression. An item that expired before now, and that DynamoDB may not have dropped yet, counts as
// absent.
func conditionOf(c store.Cond, now time.Time) condition {
	var parts []string
	out := condition{names: map[string]string{}, values: attributes{}}
	alive := false
	if c.Absent {
		parts = append(parts, "(attribute_not_exists(#pk) OR #x <= :now)")
		out.names["#pk"] = store.AttrPK
	}
	if c.Exists {
		parts, alive = append(parts, "attribute_exists(#pk)"), true
		out.names["#pk"] = store.AttrPK
	}
	if c.V != nil {
		parts, alive = append(parts, "#v = :v"), true
		out.names["#v"], out.values[":v"] = store.AttrV, number(*c.V)
	}
	if c.Fence != nil {
		parts, alive = append(parts, "#f = :f"), true
		out.names["#f"], out.values[":f"] = store.AttrFence, number(*c.Fence)
	}
	if parts == nil {
		return condition{}
	}
	if alive {
		parts = append(parts, "(attribute_not_exists(#x) OR #x > :now)")
	}
	out.names["#x"], out.values[":now"] = store.AttrExpires, number(now.UnixNano())
	expr := strings.Join(parts, " AND ")
	out.expr = &expr
	return out
}
