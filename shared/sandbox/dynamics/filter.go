package dynamics

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// val is a value as filters compare it.
type val struct {
	kind byte // 0 null, 's' text (folded), 'n' number, 'b' bool, 't' time, 'g' GUID
	s    string
	n    float64
}

// compare orders two values of one kind; null is below all.
func (v val) compare(o val) int {
	return cmp.Or(cmp.Compare(v.kind, o.kind), strings.Compare(v.s, o.s), cmp.Compare(v.n, o.n))
}

// valueOf is JSON or a ref as filters compare it.
func valueOf(k kind, raw string) val {
	if raw == "" {
		if k == kindBool {
			return val{kind: 'b'} // as it is answered
		}
		return val{}
	}
	switch k {
	case kindText, kindMemo, kindBinary:
		return val{kind: 's', s: fold(textOf(raw))}
	case kindKey, kindGUID:
		return val{kind: 'g', s: textOf(raw)}
	case kindLookup:
		_, id := splitRef(raw)
		return val{kind: 'g', s: id.String()}
	case kindBool:
		if raw == "true" {
			return val{kind: 'b', n: 1}
		}
		return val{kind: 'b'}
	case kindDate, kindDateTime:
		t, err := parseTime(textOf(raw))
		if err != nil {
			return val{}
		}
		return val{kind: 't', n: float64(t.Unix())}
	}
	var n float64
	_ = json.Unmarshal([]byte(raw), &n) // the sandbox wrote it
	return val{kind: 'n', n: n}
}

func parseTime(s string) (time.Time, error) {
	if len(s) == 10 {
		return time.Parse(time.DateOnly, s)
	}
	return time.Parse(time.RFC3339, s)
}

// schema tells a filter about the columns of what it filters.
type schema func(name string) (slot int, k kind, ok bool)

// node is a parsed filter.
type node struct {
	op   string // and or not eq ne gt ge lt le startswith endswith contains in like
	kids []*node
	slot int
	kind kind
	args []val
}

// match evaluates the filter on something whose columns get reads. Comparisons with null are false, but for eq and ne.
func (n *node) match(get func(slot int) val) bool {
	switch n.op {
	case "and":
		for _, k := range n.kids {
			if !k.match(get) {
				return false
			}
		}
		return true
	case "or":
		for _, k := range n.kids {
			if k.match(get) {
				return true
			}
		}
		return false
	case "not":
		return !n.kids[0].match(get)
	}
	v := get(n.slot)
	switch n.op {
	case "eq":
		return v.compare(n.args[0]) == 0
	case "ne":
		return v.compare(n.args[0]) != 0
	case "in":
		return slices.ContainsFunc(n.args, func(a val) bool { return v.compare(a) == 0 })
	}
	if v.kind == 0 || n.args[0].kind == 0 {
		return false
	}
	switch n.op {
	case "gt":
		return v.compare(n.args[0]) > 0
	case "ge":
		return v.compare(n.args[0]) >= 0
	case "lt":
		return v.compare(n.args[0]) < 0
	case "le":
		return v.compare(n.args[0]) <= 0
	case "startswith":
		return strings.HasPrefix(v.s, n.args[0].s)
	case "endswith":
		return strings.HasSuffix(v.s, n.args[0].s)
	case "contains":
		return strings.Contains(v.s, n.args[0].s)
	}
	return like(v.s, n.args[0].s)
}

// like matches SQL's pattern of % and _.
func like(text, pattern string) bool {
	head, rest, found := strings.Cut(pattern, "%")
	runes, want := []rune(text), []rune(head)
	fits := func(at []rune) bool {
		for i, w := range want {
			if i >= len(at) || w != '_' && w != at[i] {
				return false
			}
		}
		return true
	}
	if !fits(runes) {
		return false
	}
	runes = runes[len(want):]
	if !found {
		return len(runes) == 0
	}
	if rest == "" {
		return true
	}
	for i := range len(runes) + 1 {
		if like(string(runes[i:]), rest) {
			return true
		}
	}
	return false
}

// maxConditions is how many conditions a query may have.
const maxConditions = 500

// filterParser reads the subset of $filter that the documents show.
type filterParser struct {
	text       string
	schema     schema
	conditions int
}

// parseFilter reads a $filter.
func parseFilter(text string, sc schema) (*node, *apiError) {
	p := &filterParser{text: text, schema: sc}
	n, e := p.or()
	if e != nil {
		return nil, e
	}
	if p.skip(); p.text != "" {
		return nil, p.bad()
	}
	if p.conditions > maxConditions {
		return nil, fail(400, codeArgument, "Number of conditions in query exceeded maximum limit of %d.", maxConditions)
	}
	return n, nil
}

func (p *filterParser) bad() *apiError {
	at := p.text
	if len(at) > 20 {
		at = at[:20]
	}
	return badURL("The $filter does not parse, or uses what is not supported, at '%s'.", at)
}

func (p *filterParser) skip() { p.text = strings.TrimLeft(p.text, " ") }

// take reads a fixed text.
func (p *filterParser) take(s string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.text, s)
	if ok {
		p.text = rest
	}
	return ok
}

// word reads a name or an operator.
func (p *filterParser) word() string {
	p.skip()
	end := strings.IndexAny(p.text, " (),='")
	if end < 0 {
		end = len(p.text)
	}
	w := p.text[:end]
	p.text = p.text[end:]
	return w
}

// peek is the next word.
func (p *filterParser) peek() string {
	was := p.text
	w := p.word()
	p.text = was
	return w
}

func (p *filterParser) or() (*node, *apiError)  { return p.chain("or", p.and) }
func (p *filterParser) and() (*node, *apiError) { return p.chain("and", p.unary) }

func (p *filterParser) chain(op string, next func() (*node, *apiError)) (*node, *apiError) {
	first, e := next()
	if e != nil {
		return nil, e
	}
	all := []*node{first}
	for p.peek() == op {
		p.word()
		n, e := next()
		if e != nil {
			return nil, e
		}
		all = append(all, n)
	}
	if len(all) == 1 {
		return first, nil
	}
	return &node{op: op, kids: all}, nil
}

func (p *filterParser) unary() (*node, *apiError) {
	if p.take("(") {
		n, e := p.or()
		if e == nil && !p.take(")") {
			e = p.bad()
		}
		return n, e
	}
	if p.peek() == "not" {
		p.word()
		n, e := p.unary()
		return &node{op: "not", kids: []*node{n}}, e
	}
	p.conditions++
	switch w := p.peek(); w {
	case "startswith", "endswith", "contains":
		p.word()
		return p.function(w)
	case "Microsoft.Dynamics.CRM.In":
		p.word()
		return p.in()
	}
	n, e := p.column(p.word())
	if e != nil {
		return nil, e
	}
	n.op = p.word()
	if !slices.Contains([]string{"eq", "ne", "gt", "ge", "lt", "le"}, n.op) {
		return nil, badURL("The operator '%s' is not supported in $filter.", n.op)
	}
	v, e := p.literal(n.kind)
	n.args = []val{v}
	return n, e
}

func (p *filterParser) column(name string) (*node, *apiError) {
	slot, k, ok := p.schema(name)
	if !ok {
		return nil, badURL("Could not find a property named '%s'.", name)
	}
	return &node{slot: slot, kind: k}, nil
}

func (p *filterParser) function(name string) (*node, *apiError) {
	if !p.take("(") {
		return nil, p.bad()
	}
	n, e := p.column(p.word())
	if e != nil {
		return nil, e
	}
	n.op = name
	if !p.take(",") || n.kind != kindText && n.kind != kindMemo {
		return nil, p.bad()
	}
	v, e := p.literal(n.kind)
	if e != nil || !p.take(")") {
		return nil, cmp.Or(e, p.bad())
	}
	n.args = []val{v}
	return n, nil
}

// in reads (PropertyName='x',PropertyValues=['a','b']).
func (p *filterParser) in() (*node, *apiError) {
	if !p.take("(") || !p.take("PropertyName=") {
		return nil, p.bad()
	}
	name, ok := p.quoted()
	if !ok || !p.take(",") || !p.take("PropertyValues=") || !p.take("[") {
		return nil, p.bad()
	}
	n, e := p.column(name)
	if e != nil {
		return nil, e
	}
	n.op = "in"
	for {
		text, ok := p.quoted()
		if !ok {
			return nil, p.bad()
		}
		v, ok := literalOf(n.kind, text, true)
		if !ok {
			return nil, p.bad()
		}
		n.args = append(n.args, v)
		if !p.take(",") {
			break
		}
	}
	if !p.take("]") || !p.take(")") {
		return nil, p.bad()
	}
	return n, nil
}

// quoted reads a text in quotes, in which a quote is doubled.
func (p *filterParser) quoted() (string, bool) {
	if !p.take("'") {
		return "", false
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(p.text, '\'')
		if i < 0 {
			return "", false
		}
		b.WriteString(p.text[:i])
		p.text = p.text[i+1:]
		if !strings.HasPrefix(p.text, "'") {
			return b.String(), true
		}
		b.WriteByte('\'')
		p.text = p.text[1:]
	}
}

func (p *filterParser) literal(k kind) (val, *apiError) {
	p.skip()
	if strings.HasPrefix(p.text, "'") {
		text, ok := p.quoted()
		if k != kindText && k != kindMemo || !ok {
			return val{}, p.bad()
		}
		return val{kind: 's', s: fold(text)}, nil
	}
	was := p.text
	word := p.word()
	if word == "null" {
		return val{}, nil
	}
	v, ok := literalOf(k, word, false)
	if !ok {
		p.text = was
		return val{}, p.bad()
	}
	return v, nil
}

// literalOf reads a literal for a column of a kind. Texts must have been quoted.
func literalOf(k kind, text string, quoted bool) (v val, ok bool) {
	switch k {
	case kindText, kindMemo:
		return val{kind: 's', s: fold(text)}, quoted
	case kindKey, kindGUID, kindLookup:
		g, ok := parseGUID(text)
		return val{kind: 'g', s: g.String()}, ok
	case kindBool:
		return valueOf(k, text), text == "true" || text == "false"
	case kindDate, kindDateTime:
		t, err := parseTime(text)
		return val{kind: 't', n: float64(t.UnixMilli()) / 1000}, err == nil
	case kindBinary:
		return val{}, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return val{kind: 'n', n: n}, err == nil
}
