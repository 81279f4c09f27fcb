package contactfile

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"

	"golang.org/x/text/encoding"
)

// Card versions.
const (
	v21 = "2.1"
	v30 = "3.0"
	v40 = "4.0"
)

// property is one content line: [group.]NAME[;params]:value.
type property struct {
	group  string // in lower case
	name   string // in upper case
	params map[string][]string
	// value is the text in UTF-8 with escapes still in it, so that structured values can be split first. For base64, data has the
	// bytes instead.
	value string
	data  []byte
	line  int
	old   bool // vCard 2.1 rules for escapes and lists
}

// parseProperty reads one content line. fallback is the charset of text that names none.
func parseProperty(line []byte, no int, version string, fallback encoding.Encoding) (property, error) {
	p := property{line: no, old: version == v21, params: map[string][]string{}}
	head, raw, err := cutHead(line)
	if err != nil {
		return p, err
	}
	words := splitOutsideQuotes(head, ';')
	name := strings.TrimSpace(words[0])
	if g, n, ok := strings.Cut(name, "."); ok {
		p.group, name = strings.ToLower(g), n
	}
	if name == "" || strings.ContainsAny(name, " \t") {
		return p, errors.New("it has no property name")
	}
	p.name = strings.ToUpper(name)
	for _, w := range words[1:] {
		p.addParam(w)
	}
	return p, p.decodeValue(raw, fallback)
}

// cutHead cuts at the first colon that is not inside a quoted parameter value.
func cutHead(line []byte) (head string, value []byte, err error) {
	quoted := false
	for i, b := range line {
		switch {
		case b == '"':
			quoted = !quoted
		case b == ':' && !quoted:
			return string(line[:i]), line[i+1:], nil
		}
	}
	// A quote that never ends is a stray one: take the first colon there is.
	if h, v, ok := bytes.Cut(line, []byte(":")); ok {
		return string(h), v, nil
	}
	return "", nil, errors.New("it has no colon between a property and its value")
}

func splitOutsideQuotes(s string, sep byte) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// addParam takes NAME=value[,value], or a bare 2.1 value, whose name follows from what it says.
func (p *property) addParam(word string) {
	name, vals, named := strings.Cut(word, "=")
	name = strings.ToUpper(strings.TrimSpace(name))
	if name == "" {
		return
	}
	if !named {
		switch name {
		case "QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT", "QP", "B":
			p.params["ENCODING"] = append(p.params["ENCODING"], name)
		default:
			p.params["TYPE"] = append(p.params["TYPE"], name)
		}
		return
	}
	for _, v := range splitOutsideQuotes(vals, ',') {
		v = strings.TrimSpace(v)
		// TYPE="work,voice" is one quoted list; in other parameters a quoted comma is text.
		v = strings.Trim(v, `"`)
		if name == "TYPE" {
			for _, t := range strings.Split(v, ",") {
				p.params[name] = append(p.params[name], strings.TrimSpace(t))
			}
			continue
		}
		p.params[name] = append(p.params[name], caret(v))
	}
}

// caret undoes RFC 6868, which is how a parameter value holds a quote or a line break.
func caret(s string) string {
	if !strings.Contains(s, "^") {
		return s
	}
	return strings.NewReplacer("^n", "\n", "^^", "^", "^'", `"`).Replace(s)
}

func (p *property) decodeValue(raw []byte, fallback encoding.Encoding) error {
	switch strings.ToUpper(p.param("ENCODING")) {
	case "QUOTED-PRINTABLE", "QP":
		out, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return fmt.Errorf("%s is not valid quoted-printable", p.name)
		}
		raw = out
	case "BASE64", "B":
		packed := bytes.Join(bytes.Fields(raw), nil)
		packed = bytes.TrimRight(packed, "=")
		data := make([]byte, base64.RawStdEncoding.DecodedLen(len(packed)))
		n, err := base64.RawStdEncoding.Decode(data, packed)
		if err != nil {
			return fmt.Errorf("%s is not valid base64", p.name)
		}
		if isText(p.name) { // some exporters send names so, to protect the charset
			raw = data[:n]
			break
		}
		p.data = data[:n]
		return nil
	}
	var err error
	if cs := p.param("CHARSET"); cs != "" {
		p.value, err = decodeNamed(cs, raw)
	} else {
		p.value, err = decode(fallback, raw)
		if err != nil { // the file as a whole looked like the charset, this line does not
			p.value, err = decode(guess(raw), raw)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.value = unixLines(p.value)
	return nil
}

func isText(name string) bool {
	switch name {
	case "PHOTO", "LOGO", "SOUND", "KEY":
		return false
	}
	return true
}

func unixLines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// param returns the first value of a parameter, or "".
func (p *property) param(name string) string {
	if vs := p.params[name]; len(vs) > 0 {
		return vs[0]
	}
	return ""
}

// hasType reports whether one of the property's types is t, in any case.
func (p *property) hasType(t string) bool {
	for _, v := range p.params["TYPE"] {
		if strings.EqualFold(v, t) {
			return true
		}
	}
	return false
}

// text returns the value as one unescaped text.
func (p *property) text() string { return strings.TrimSpace(p.unescape(p.value)) }

// structured splits the value at ";" and returns at least n components, each unescaped. lists says whether a component may be a
// list separated by commas; join puts the members of the list of component i together.
func (p *property) structured(n int, lists bool, join func(i int, members []string) string) []string {
	parts := splitUnescaped(p.value, ';')
	out := make([]string, max(n, len(parts)))
	for i, part := range parts {
		if !lists || p.old {
			out[i] = strings.TrimSpace(p.unescape(part))
			continue
		}
		var members []string
		for _, m := range splitUnescaped(part, ',') {
			if m = strings.TrimSpace(p.unescape(m)); m != "" {
				members = append(members, m)
			}
		}
		out[i] = join(i, members)
	}
	return out
}

// list splits the value at commas.
func (p *property) list() []string {
	var out []string
	for _, m := range splitUnescaped(p.value, ',') {
		if m = strings.TrimSpace(p.unescape(m)); m != "" {
			out = append(out, m)
		}
	}
	return out
}

func splitUnescaped(s string, sep byte) []string {
	var out []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// unescape undoes backslash escapes. vCard 2.1 has none for a line break, and a backslash before any other character is itself.
func (p *property) unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		switch c := s[i+1]; {
		case c == ';' || c == ',' || c == ':' || c == '\\' || c == '"' && !p.old:
			b.WriteByte(c)
			i++
		case (c == 'n' || c == 'N') && !p.old:
			b.WriteByte('\n')
			i++
		default:
			b.WriteByte('\\')
		}
	}
	return b.String()
}
