package record

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// allParts is the order in which parts are compared.
var allParts = [...]Part{PartService, PartPOBox, PartExtended, PartStreet, PartCity, PartRegion, PartPostal, PartCountry, PartCountryCode}

// Comparer makes comparison forms. Two values with the same form are the same thing to a person, however each side spells it.
// The zero Comparer compares all parts and reads phone numbers only in international form.
type Comparer struct {
	// Region is where phone numbers without a country code are read: ISO 3166-1 alpha-2.
	Region string
}

// Form returns the comparison form of v as a value of type t, or "" if v holds nothing to compare. Of the parts, only those in
// parts count; nil means all. Labels never count.
func (c Comparer) Form(t Type, v Value, parts []Part) string {
	switch t {
	case TypeEmail:
		return strings.ToLower(strings.TrimSpace(norm.NFKC.String(v.Text)))
	case TypePhone:
		return c.phone(v.Text)
	case TypeDate:
		return date(v.Text)
	case TypeAddress:
		return addressForm(v, parts)
	case TypeIM:
		if v.Text == "" {
			return ""
		}
		return Fold(v.Parts[PartService]) + "\x1f" + Fold(v.Text)
	case TypeURL:
		return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(v.Text)), "/")
	default:
		return Fold(v.Text)
	}
}

func addressForm(v Value, parts []Part) string {
	var b strings.Builder
	for _, p := range allParts {
		if s := v.Parts[p]; s != "" && (parts == nil || contains(parts, p)) {
			b.WriteString(string(p))
			b.WriteByte(0x1f)
			b.WriteString(Fold(s))
			b.WriteByte(0x1e)
		}
	}
	if b.Len() == 0 {
		return Fold(v.Text)
	}
	return b.String()
}

func contains(ps []Part, p Part) bool {
	for _, q := range ps {
		if p == q {
			return true
		}
	}
	return false
}

// Fold returns s as text is compared: NFKC (so full-width letters and half-width kana fall together), hiragana as katakana,
// lower case, and runs of white space as one space.
func Fold(s string) string {
	if ascii := foldASCII(s); ascii != "" || s == "" {
		return ascii
	}
	s = norm.NFKC.String(width.Fold.String(s))
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		if r >= 'ぁ' && r <= 'ゖ' || r == 'ゝ' || r == 'ゞ' {
			r += 'ァ' - 'ぁ'
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return norm.NFC.String(b.String())
}

// foldASCII is Fold for plain ASCII, which most values are; it returns "" for anything else.
func foldASCII(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x80 {
			return ""
		}
		if c >= 'A' && c <= 'Z' || c < 0x20 || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			clean = false
		}
	}
	if clean {
		return s
	}
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}

// phone returns the number in E.164 with its extension, or its digits where it cannot be read as a number, or the folded text
// where it has none.
func (c Comparer) phone(s string) string {
	s = strings.TrimSpace(width.Fold.String(s))
	if s == "" {
		return ""
	}
	if e := plainNumber(s, c.Region); e != "" {
		return e
	}
	region := c.Region
	if region == "" {
		region = phonenumbers.UNKNOWN_REGION
	}
	if n, err := phonenumbers.Parse(s, region); err == nil && phonenumbers.IsPossibleNumber(n) {
		e := phonenumbers.Format(n, phonenumbers.E164)
		if ext := n.GetExtension(); ext != "" {
			e += ";ext=" + ext
		}
		return e
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, norm.NFKC.String(s))
	if len(digits) < 3 {
		return Fold(s)
	}
	return digits
}

// plainNumber is phone for the plainest Japanese and North American numbers, which most are here: the library's way through its
// expressions takes a hundred times as long. It returns "" for anything that is not quite plain.
func plainNumber(s, region string) string {
	var buf [16]byte
	d := buf[:0]
	plus := s[0] == '+'
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if len(d) == 13 {
				return ""
			}
			d = append(d, c)
		case c == ' ' || c == '-' && i > 0 || c == '+' && i == 0:
		default:
			return ""
		}
	}
	n := len(d)
	switch {
	case plus && (n == 11 || n == 12) && d[0] == '8' && d[1] == '1' && d[2] != '0',
		plus && n == 11 && d[0] == '1' && d[1] > '1':
		return "+" + string(d)
	case plus:
	case region == "JP" && (n == 10 || n == 11) && d[0] == '0' && d[1] != '0' && (d[1] != '1' || d[2] != '0'):
		return "+81" + string(d[1:])
	case region == "US" && n == 10 && d[0] > '1':
		return "+1" + string(d)
	}
	return ""
}

// date returns the day of s as "2006-01-02" or "--01-02", dropping a time of day, or the folded text where it is no date.
func date(s string) string {
	s = strings.TrimSpace(width.Fold.String(s))
	if i := strings.IndexAny(s, "T "); i > 0 {
		s = s[:i]
	}
	t, yearless := strings.CutPrefix(s, "--")
	if rest, ok := strings.CutPrefix(s, "0000-"); ok {
		t, yearless = rest, true
	}
	y, m, d, ok := dateParts(t, yearless)
	switch {
	case !ok:
		return Fold(s)
	case yearless:
		return fmt.Sprintf("--%02d-%02d", m, d)
	}
	return fmt.Sprintf("%04d-%02d-%02d", y, m, d)
}

// dateParts reads the numbers of a date: apart by "-", "/" or ".", or run together as vCard's basic format has them.
func dateParts(s string, yearless bool) (y, m, d int, ok bool) {
	want := 3
	if yearless {
		want = 2
	}
	list := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '/' || r == '.' })
	if len(list) == 1 && len(s) == 2*want+2*(want-2) {
		list = []string{s[len(s)-4 : len(s)-2], s[len(s)-2:]}
		if !yearless {
			list = append([]string{s[:4]}, list...)
		}
	}
	if len(list) != want || !yearless && len(list[0]) != 4 {
		return 0, 0, 0, false
	}
	n := make([]int, want)
	for i, t := range list {
		v, err := strconv.Atoi(t)
		if err != nil || v < 0 {
			return 0, 0, 0, false
		}
		n[i] = v
	}
	m, d = n[want-2], n[want-1]
	if !yearless {
		y = n[0]
	}
	return y, m, d, m >= 1 && m <= 12 && d >= 1 && d <= 31
}
