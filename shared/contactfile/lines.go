package contactfile

import (
	"bytes"
	"strings"
)

// physical is one line of a file as it stands, without its line break.
type physical struct {
	text []byte
	no   int
}

// splitLines cuts data at "\n", "\r\n", "\r\r\n" (files that were converted twice) and at "\r" alone when the file has no "\n".
func splitLines(data []byte) []physical {
	sep := []byte("\n")
	if !bytes.Contains(data, sep) {
		sep = []byte("\r")
	}
	var lines []physical
	for no := 1; len(data) > 0; no++ {
		line, rest, _ := bytes.Cut(data, sep)
		lines = append(lines, physical{bytes.TrimRight(line, "\r"), no})
		data = rest
	}
	return lines
}

// unfolder joins the physical lines of a vCard file into content lines. Which lines belong together depends on the card's
// version and on the property's encoding, so it is told the version as soon as that is known.
type unfolder struct {
	lines []physical
	next  int
	old   bool // vCard 2.1: a fold keeps its white space
}

// line returns the next content line that is not blank, and the number of its first physical line; ok is false at the end.
func (u *unfolder) line() (text []byte, no int, ok bool) {
	for u.next < len(u.lines) && len(bytes.TrimSpace(u.lines[u.next].text)) == 0 {
		u.next++
	}
	if u.next == len(u.lines) {
		return nil, 0, false
	}
	first := u.lines[u.next]
	u.next++
	text = first.text
	enc := encodingOf(text)
	if enc == "QUOTED-PRINTABLE" {
		return u.softBreaks(text), first.no, true
	}
	var whole []byte // copied only when there is a fold, since most lines have none
	for u.next < len(u.lines) {
		l := u.lines[u.next].text
		if len(l) == 0 || l[0] != ' ' && l[0] != '\t' {
			if enc != "BASE64" || !isBareBase64(l) {
				break
			}
		}
		if whole == nil {
			whole = append(make([]byte, 0, 2*len(text)), text...)
		}
		switch {
		case enc == "BASE64":
			whole = append(whole, bytes.TrimSpace(l)...)
		case u.old:
			whole = append(whole, ' ')
			whole = append(whole, bytes.TrimLeft(l, " \t")...)
		default:
			whole = append(whole, l[1:]...)
		}
		u.next++
	}
	if whole != nil {
		text = whole
	}
	return text, first.no, true
}

// softBreaks follows quoted-printable soft line breaks: a line that ends with "=" goes on in the next one. Exporters that also fold
// put white space before a line that would otherwise begin a property; it is the fold's when the line before had no soft break.
func (u *unfolder) softBreaks(text []byte) []byte {
	whole := append([]byte(nil), text...)
	for u.next < len(u.lines) {
		l := u.lines[u.next].text
		switch {
		case bytes.HasSuffix(whole, []byte("=")):
			if isCardEdge(l) { // a soft break before the end of the card is a broken file, not a longer value
				return bytes.TrimSuffix(whole, []byte("="))
			}
			whole = append(whole[:len(whole)-1], l...)
		case len(l) > 0 && (l[0] == ' ' || l[0] == '\t'):
			whole = append(whole, l[1:]...)
		default:
			return whole
		}
		u.next++
	}
	return bytes.TrimSuffix(whole, []byte("="))
}

// isBareBase64 says whether l can only be more of a base64 value whose exporter forgot to indent it.
func isBareBase64(l []byte) bool {
	for _, b := range l {
		switch {
		case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '+', b == '/', b == '=':
		default:
			return false
		}
	}
	return len(l) > 0
}

func isCardEdge(l []byte) bool {
	s := strings.ToUpper(string(bytes.TrimSpace(l)))
	return s == "BEGIN:VCARD" || s == "END:VCARD"
}

// encodingOf returns the encoding that a content line's parameters name: "QUOTED-PRINTABLE", "BASE64", or "" for none. It looks
// only before the first colon, and so works on lines that are not whole yet.
func encodingOf(line []byte) string {
	head, _, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return ""
	}
	params := strings.Split(strings.ToUpper(string(head)), ";")
	for _, p := range params[1:] {
		p = strings.TrimSpace(strings.TrimPrefix(p, "ENCODING="))
		switch p {
		case "QUOTED-PRINTABLE", "QP":
			return "QUOTED-PRINTABLE"
		case "BASE64", "B":
			return "BASE64"
		}
	}
	return ""
}
