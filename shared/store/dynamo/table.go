// Package dynamo is the store on Amazon DynamoDB, through aws-sdk-go-v2. A table has the string keys pk and sk and the
// attributes that package store names; time to live goes by the attribute ttl. It imports store, backoff and clock.
//
// Requests that DynamoDB refuses for a moment are sent again with growing pauses on the clock that is passed in; the SDK's own
// retries are switched off, because what may be sent again, and what a second answer means, depends on the request.
package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"meibo/shared/backoff"
	"meibo/shared/clock"
	"meibo/shared/store"
)

type table struct {
	api   *dynamodb.Client
	name  *string
	clk   clock.Clock
	pause backoff.Policy
}

// New returns the table called name. Reads are strongly consistent.
func New(client *dynamodb.Client, name string, clk clock.Clock) store.Table {
	return store.Checked(&table{api: client, name: &name, clk: clk, pause: backoff.Policy{Clock: clk}})
}

// once switches the SDK's own retries off.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

func (t *table) Get(ctx context.Context, k store.Key) (store.Item, error) {
	var out *dynamodb.GetItemOutput
	err := t.do(ctx, "GetItem", func(bool) (err error) {
		out, err = t.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: t.name, Key: encodeKey(k), ConsistentRead: aws.Bool(true)}, once)
		return err
	})
	if err != nil {
		return store.Item{}, err
	}
	if out.Item == nil {
		return store.Item{}, store.ErrNotFound
	}
	it, err := decode(out.Item)
	if err == nil && !it.Live(t.clk.Now()) {
		return store.Item{}, store.ErrNotFound
	}
	return it, err
}

func (t *table) BatchGet(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	ask := types.KeysAndAttributes{ConsistentRead: aws.Bool(true)}
	for _, k := range keys {
		ask.Keys = append(ask.Keys, encodeKey(k))
	}
	var raw []map[string]types.AttributeValue
	err := t.drain(ctx, "BatchGetItem", func() (int, int, error) {
		before := len(ask.Keys)
		out, err := t.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{*t.name: ask}}, once)
		if err != nil {
			return 0, before, err
		}
		raw = append(raw, out.Responses[*t.name]...)
		ask.Keys = out.UnprocessedKeys[*t.name].Keys
		return before - len(ask.Keys), len(ask.Keys), nil
	})
	if err != nil {
		return nil, err
	}
	return t.live(raw)
}

// live decodes the items and leaves out the expired ones.
func (t *table) live(raw []map[string]types.AttributeValue) ([]store.Item, error) {
	now := t.clk.Now()
	items := make([]store.Item, 0, len(raw))
	for _, m := range raw {
		it, err := decode(m)
		if err != nil {
			return nil, err
		}
		if it.Live(now) {
			items = append(items, it)
		}
	}
	return items, nil
}

func (t *table) Query(ctx context.Context, q store.Query) (store.Page, error) {
	in := &dynamodb.QueryInput{
		TableName: t.name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!q.Reverse),
		ExpressionAttributeNames:  map[string]string{"#pk": store.AttrPK},
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(q.PK)},
	}
	where := "#pk = :pk"
	bound := func(expr string, values map[string]string) {
		where += " AND " + expr
		in.ExpressionAttributeNames["#sk"] = store.AttrSK
		for name, v := range values {
			in.ExpressionAttributeValues[name] = text(v)
		}
	}
	switch {
	case q.Prefix != "":
		bound("begins_with(#sk, :from)", map[string]string{":from": q.Prefix})
	case q.From != "" && q.To != "":
		bound("#sk BETWEEN :from AND :to", map[string]string{":from": q.From, ":to": q.To})
	case q.From != "":
		bound("#sk >= :from", map[string]string{":from": q.From})
	case q.To != "":
		bound("#sk <= :to", map[string]string{":to": q.To})
	}
	in.KeyConditionExpression = &where
	if q.Limit > 0 {
		in.Limit = aws.Int32(int32(min(q.Limit, 1<<30)))
	}
	if q.After != "" {
		in.ExclusiveStartKey = encodeKey(store.Key{PK: q.PK, SK: q.After})
	}
	var out *dynamodb.QueryOutput
	err := t.do(ctx, "Query", func(bool) (err error) {
		out, err = t.api.Query(ctx, in, once)
		return err
	})
	if err != nil {
		return store.Page{}, err
	}
	var page store.Page
	if page.Items, err = t.live(out.Items); err != nil {
		return store.Page{}, err
	}
	if out.LastEvaluatedKey != nil {
		sk, ok := out.LastEvaluatedKey[store.AttrSK].(*types.AttributeValueMemberS)
		if !ok {
			return store.Page{}, errors.New("store: DynamoDB's page ends at a key without a sort key")
		}
		page.Next = sk.Value
	}
	return page, nil
}

func (t *table) Bulk(ctx context.Context, puts []store.Item, deletes []store.Key) error {
	var left []types.WriteRequest
	for _, it := range puts {
		left = append(left, types.WriteRequest{PutRequest: &types.PutRequest{Item: encode(it)}})
	}
	for _, k := range deletes {
		left = append(left, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: encodeKey(k)}})
	}
	return t.drain(ctx, "BatchWriteItem", func() (int, int, error) {
		before := len(left)
		out, err := t.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{*t.name: left}}, once)
		if err != nil {
			return 0, before, err
		}
		left = out.UnprocessedItems[*t.name]
		return before - len(left), len(left), nil
	})
}

// drain sends a request that DynamoDB may do in parts until nothing is left. Only attempts without progress count against the
// number of attempts.
func (t *table) drain(ctx context.Context, what string, send func() (done, left int, err error)) error {
	stuck := 0
	for {
		var done, left int
		err := t.do(ctx, what, func(bool) (err error) {
			done, left, err = send()
			return err
		})
		if err != nil || left == 0 {
			return err
		}
		if stuck++; done > 0 {
			stuck = 1
		}
		if stuck >= attempts {
			return fmt.Errorf("%w: DynamoDB left %d items of %s undone %d times", store.ErrThrottled, left, what, stuck)
		}
		if err := t.pause.Wait(ctx, stuck); err != nil {
			return err
		}
	}
}
