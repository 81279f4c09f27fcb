package zoho

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// select query of COQL, parsed: select columns from Module where condition [order by column [asc|desc]] [limit [offset,] count].
type coql struct {
	columns []string
	module  string
	where   *Criteria
	orderBy string
	desc    bool
	offset  int
	count   int
}

const (
	coqlColumns  = 50
	coqlCriteria = 25
	coqlIn       = 50
	coqlCount    = 2000
	coqlRows     = 100_000
)

// coqlToken is a word, a quoted text or a sign.
type coqlToken struct {
	text   string
	quoted bool
}

func coqlSyntax(near string) *fault {
	return refuse(http.StatusBadRequest, "SYNTAX_ERROR", "error occurred while parsing the query", object{"near": near})
}

func coqlInvalid(details object) *fault {
	return refuse(http.StatusBadRequest, "INVALID_QUERY", "invalid query formed", details)
}

func coqlLimit(details object) *fault {
	return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "the limit of the query is exceeded", details)
}

// scanCOQL splits a query. A quote inside a text is escaped with a backslash.
func scanCOQL(q string) ([]coqlToken, *fault) {
	var out []coqlToken
	rs := []rune(q)
	for i := 0; i < len(rs); {
		r := rs[i]
		switch {
		case unicode.IsSpace(r):
			i++
		case r == '\'' || r == '"':
			var b strings.Builder
			j := i + 1
			for ; j < len(rs) && rs[j] != r; j++ {
				if rs[j] == '\\' && j+1 < len(rs) {
					j++
				}
				b.WriteRune(rs[j])
			}
			if j >= len(rs) {
				return nil, coqlSyntax(string(r))
			}
			out = append(out, coqlToken{b.String(), true})
			i = j + 1
		case strings.ContainsRune("(),", r):
			out = append(out, coqlToken{text: string(r)})
			i++
		case strings.ContainsRune("<>=!", r):
			n := 1
			if i+1 < len(rs) && (rs[i+1] == '=' || r == '<' && rs[i+1] == '>') {
				n = 2
			}
			out = append(out, coqlToken{text: string(rs[i : i+n])})
			i += n
		default:
			j := i
			for j < len(rs) && (unicode.IsLetter(rs[j]) || unicode.IsDigit(rs[j]) || strings.ContainsRune("_.-:+$", rs[j])) {
				j++
			}
			if j == i {
				return nil, coqlSyntax(string(r))
			}
			out = append(out, coqlToken{text: string(rs[i:j])})
			i = j
		}
	}
	return out, nil
}

type coqlParser struct {
	toks   []coqlToken
	i      int
	leaves int
}

func (p *coqlParser) peek() coqlToken {
	if p.i < len(p.toks) {
		return p.toks[p.i]
	}
	return coqlToken{}
}

func (p *coqlParser) next() coqlToken {
	t := p.peek()
	p.i++
	return t
}

// word reports whether the next token is the keyword or sign w, and takes it if so.
func (p *coqlParser) word(w string) bool {
	if t := p.peek(); !t.quoted && strings.EqualFold(t.text, w) {
		p.i++
		return true
	}
	return false
}

func (p *coqlParser) expect(w string) *fault {
	if !p.word(w) {
		return coqlSyntax(p.peek().text)
	}
	return nil
}

func (p *coqlParser) name() (string, *fault) {
	t := p.next()
	if t.quoted || t.text == "" || !unicode.IsLetter([]rune(t.text)[0]) {
		return "", coqlSyntax(t.text)
	}
	return t.text, nil
}

func parseCOQL(query string) (*coql, *fault) {
	toks, bad := scanCOQL(query)
	if bad != nil {
		return nil, bad
	}
	p := &coqlParser{toks: toks}
	q := &coql{count: 200}
	for _, step := range []func(*coql) *fault{p.selection, p.condition, p.ordering, p.limits} {
		if bad := step(q); bad != nil {
			return nil, bad
		}
	}
	if p.i < len(p.toks) {
		return nil, coqlSyntax(p.peek().text)
	}
	return q, nil
}

func (p *coqlParser) selection(q *coql) *fault {
	if bad := p.expect("select"); bad != nil {
		return bad
	}
	for {
		n, bad := p.name()
		if bad != nil {
			return bad
		}
		if slices.Contains(q.columns, n) {
			return refuse(http.StatusBadRequest, "DUPLICATE_DATA", "the column is there twice", object{"column_name": n})
		}
		q.columns = append(q.columns, n)
		if !p.word(",") {
			break
		}
	}
	if len(q.columns) > coqlColumns {
		return coqlLimit(object{"clause": "select", "limit": coqlColumns})
	}
	if bad := p.expect("from"); bad != nil {
		return bad
	}
	var bad *fault
	q.module, bad = p.name()
	return bad
}

func (p *coqlParser) condition(q *coql) *fault {
	if !p.word("where") {
		return refuse(http.StatusBadRequest, "SYNTAX_ERROR", "missing clause", object{"clause": "where"})
	}
	var bad *fault
	q.where, bad = p.or()
	return bad
}

func (p *coqlParser) or() (*Criteria, *fault) { return p.chain("or", p.and) }

func (p *coqlParser) and() (*Criteria, *fault) { return p.chain("and", p.term) }

func (p *coqlParser) chain(op string, part func() (*Criteria, *fault)) (*Criteria, *fault) {
	first, bad := part()
	if bad != nil {
		return nil, bad
	}
	k := &Criteria{Operator: strings.ToUpper(op), Group: []*Criteria{first}}
	for p.word(op) {
		g, bad := part()
		if bad != nil {
			return nil, bad
		}
		k.Group = append(k.Group, g)
	}
	if len(k.Group) == 1 {
		return first, nil
	}
	return k, nil
}

var coqlSigns = map[string]string{"=": "equal", "!=": "not_equal", "<>": "not_equal", ">": "greater_than", ">=": "greater_equal", "<": "less_than", "<=": "less_equal"}

func (p *coqlParser) term() (*Criteria, *fault) {
	if p.word("(") {
		k, bad := p.or()
		if bad != nil {
			return nil, bad
		}
		return k, p.expect(")")
	}
	if p.leaves++; p.leaves > coqlCriteria {
		return nil, coqlLimit(object{"clause": "where", "limit": coqlCriteria})
	}
	n, bad := p.name()
	if bad != nil {
		return nil, bad
	}
	k := &Criteria{Field: n}
	not := false
	switch {
	case p.word("is"):
		k.Comparator = "is_null"
		if p.word("not") {
			k.Comparator = "not_null"
		}
		return k, p.expect("null")
	case p.word("not"):
		not = true
	}
	switch {
	case p.word("in"):
		k.Comparator = "in"
		if k.Values, bad = p.list(); bad != nil {
			return nil, bad
		}
		if len(k.Values) > coqlIn {
			return nil, coqlLimit(object{"operator": "in", "limit": coqlIn})
		}
	case p.word("like"):
		k.Comparator = "like"
		k.Value, bad = p.value()
	case not:
		return nil, coqlSyntax(p.peek().text)
	case p.word("between"):
		k.Comparator, k.Values = "between", make([]string, 2)
		if k.Values[0], bad = p.value(); bad != nil {
			return nil, bad
		}
		if bad = p.expect("and"); bad != nil {
			return nil, bad
		}
		k.Values[1], bad = p.value()
	default:
		sign := p.next()
		k.Comparator = coqlSigns[sign.text]
		if k.Comparator == "" || sign.quoted {
			return nil, coqlSyntax(sign.text)
		}
		k.Value, bad = p.value()
	}
	if not {
		k.Comparator = "not_" + k.Comparator
	}
	return k, bad
}

func (p *coqlParser) list() ([]string, *fault) {
	if bad := p.expect("("); bad != nil {
		return nil, bad
	}
	var out []string
	for {
		v, bad := p.value()
		if bad != nil {
			return nil, bad
		}
		out = append(out, v)
		if p.word(",") {
			continue
		}
		return out, p.expect(")")
	}
}

// value is a quoted text, a number, a boolean, or the like without quotes.
func (p *coqlParser) value() (string, *fault) {
	t := p.next()
	if !t.quoted && (t.text == "" || strings.ContainsAny(t.text, "(),<>=!")) {
		return "", coqlSyntax(t.text)
	}
	return t.text, nil
}

func (p *coqlParser) ordering(q *coql) *fault {
	if !p.word("order") {
		return nil
	}
	if bad := p.expect("by"); bad != nil {
		return bad
	}
	var bad *fault
	if q.orderBy, bad = p.name(); bad != nil {
		return bad
	}
	if !p.word("asc") {
		q.desc = p.word("desc")
	}
	return nil
}

// limits reads "limit count", "limit offset, count" and "limit count offset offset".
func (p *coqlParser) limits(q *coql) *fault {
	if !p.word("limit") {
		return nil
	}
	number := func() (int, *fault) {
		t := p.next()
		n, err := strconv.Atoi(t.text)
		if err != nil || n < 0 || t.quoted {
			return 0, coqlInvalid(object{"limit": t.text})
		}
		return n, nil
	}
	var bad *fault
	if q.count, bad = number(); bad != nil {
		return bad
	}
	switch {
	case p.word(","):
		q.offset = q.count
		if q.count, bad = number(); bad != nil {
			return bad
		}
	case p.word("offset"):
		if q.offset, bad = number(); bad != nil {
			return bad
		}
	}
	if q.count < 1 || q.count > coqlCount || q.offset+q.count > coqlRows {
		return coqlLimit(object{"limit": strconv.Itoa(q.count)})
	}
	return nil
}
