package contactfile

import (
	"strings"
	"unicode"

	"meibo/shared/record"
)

// nameKeys are the components of N in order.
var nameKeys = []record.Key{record.NameFamily, record.NameGiven, record.NameMiddle, record.NamePrefix, record.NameSuffix}

const suffixAt = 4

func (b *builder) structuredName(p *property) {
	if b.name != nil {
		b.leave("another N")
		return
	}
	b.name = p.structured(len(nameKeys), true, func(i int, members []string) string {
		if i == suffixAt {
			return strings.Join(members, ", ")
		}
		return strings.Join(members, " ")
	})
	for _, more := range b.name[len(nameKeys):] {
		if more != "" { // RFC 9554: second surname, generation
			b.leave("N components after the fifth")
			break
		}
	}
	if as := p.params["SORT-AS"]; len(as) > 0 {
		b.sortAs = strings.ReplaceAll(strings.Join(as, " "), ",", " ")
	}
}

func (b *builder) formattedName(p *property) {
	switch text := p.text(); {
	case b.fn == "":
		b.fn = text
	case text != "" && text != b.fn:
		b.leave("another FN")
	}
}

// sound takes the reading that Japanese telephones write: SOUND;X-IRMC-N:family;given;...
func (b *builder) sound(p *property) {
	if !p.hasType("X-IRMC-N") {
		b.leave(p.name)
		return
	}
	parts := p.structured(2, false, nil)
	b.single(p, record.NamePhoneticFamily, parts[0])
	b.single(p, record.NamePhoneticGiven, parts[1])
}

// finishName fills the name once all properties are seen: from N, else from FN, else it is an organisation's card.
func (b *builder) finishName() {
	named := false
	for i, k := range nameKeys {
		if b.name != nil && b.name[i] != "" {
			b.fields.Set(k, b.name[i])
			named = true
		}
	}
	org := b.fields.First(record.OrgName)
	switch {
	case b.isGroup || b.fn == "":
	case named:
		if !composedOf(b.fn, b.name) && b.fn != org {
			b.leave("FN")
		}
	case b.company && org == "":
		b.fields.Set(record.OrgName, b.fn)
	case b.fn == org:
	case b.company:
		b.leave("FN")
	default:
		for k, vs := range SplitName(b.fn) {
			b.fields[k] = vs
		}
	}
	b.finishReading()
}

// finishReading uses a sort string as the name's reading when it is one: kana, on a card without phonetic names.
func (b *builder) finishReading() {
	if b.sortAs == "" {
		return
	}
	if !isKana(b.sortAs) {
		b.leave("SORT-STRING")
		return
	}
	if b.fields.First(record.NamePhoneticFamily)+b.fields.First(record.NamePhoneticGiven) != "" {
		return
	}
	words := strings.Fields(b.sortAs)
	b.fields.Set(record.NamePhoneticFamily, words[0])
	if rest := strings.Join(words[1:], " "); rest != "" {
		b.fields.Set(record.NamePhoneticGiven, rest)
	}
}

// composedOf says whether every word of a formatted name stands in the name's components, so that it says nothing new.
func composedOf(fn string, comps []string) bool {
	all := strings.ToLower(squeeze(strings.Join(comps, " ")))
	for _, w := range strings.FieldsFunc(fn, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '、' }) {
		if strings.Contains(all, strings.ToLower(squeeze(w))) {
			continue
		}
		// Japanese formatted names are written without a space.
		for _, c := range comps {
			w = strings.Replace(w, c, "", 1)
		}
		if w != "" {
			return false
		}
	}
	return true
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == ',' {
			return -1
		}
		return r
	}, s)
}

func isKana(s string) bool {
	kana := false
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			kana = true
		case unicode.IsSpace(r), r == 'ー', r == 'ｰ', r == 'ﾞ', r == 'ﾟ', r == '・', r == '･', r == ',':
		default:
			return false
		}
	}
	return kana
}

var (
	namePrefixes = words("mr mrs ms miss mx dr prof rev hon sir dame herr frau m mme mlle sr. sra")
	nameSuffixes = words("jr sr ii iii iv esq phd md mba cpa dds ph.d m.d m.b.a")
	// particles belong to the family name that follows them.
	particles = words("van von de del della der den di da dos das du la le bin ibn al el ter ten zu")
)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

func isWord(set map[string]bool, w string) bool {
	return set[strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(w), ","), ".")]
}

// SplitName splits a name that is written in one piece, and returns the fields that it fills:
//
//   - with a Chinese, Japanese or Korean character: the first word is the family name, the rest the given name; a name in one
//     word is all family name, since nothing says where it ends;
//   - "Family, Given Middle": the comma decides;
//   - otherwise: titles before and after the name are taken off; the last word, with the particles before it, is the family name, the first the
//     given name, and the rest the middle name; a single word is a given name.
func SplitName(full string) record.Fields {
	f := record.Fields{}
	ws := strings.Fields(full)
	if len(ws) == 0 {
		return f
	}
	if isEastAsian(full) {
		f.Set(record.NameFamily, ws[0])
		setText(f, record.NameGiven, strings.Join(ws[1:], " "))
		return f
	}
	var prefix, suffix []string
	for len(ws) > 1 && isWord(namePrefixes, ws[0]) {
		prefix, ws = append(prefix, ws[0]), ws[1:]
	}
	for len(ws) > 1 && isWord(nameSuffixes, ws[len(ws)-1]) {
		suffix, ws = append([]string{ws[len(ws)-1]}, suffix...), ws[:len(ws)-1]
		if last := len(ws) - 1; strings.HasSuffix(ws[last], ",") && len(ws[last]) > 1 { // "John Doe, Jr."
			ws[last] = strings.TrimSuffix(ws[last], ",")
		}
	}
	setText(f, record.NamePrefix, strings.Join(prefix, " "))
	setText(f, record.NameSuffix, strings.Join(suffix, " "))
	if family, given, ok := strings.Cut(strings.Join(ws, " "), ","); ok && strings.TrimSpace(family) != "" {
		f.Set(record.NameFamily, strings.TrimSpace(family))
		first, rest, _ := strings.Cut(strings.TrimSpace(given), " ")
		setText(f, record.NameGiven, first)
		setText(f, record.NameMiddle, rest)
		return f
	}
	if len(ws) == 1 {
		f.Set(record.NameGiven, ws[0])
		return f
	}
	cut := len(ws) - 1
	for cut > 1 && isWord(particles, ws[cut-1]) {
		cut--
	}
	f.Set(record.NameGiven, ws[0])
	setText(f, record.NameMiddle, strings.Join(ws[1:cut], " "))
	f.Set(record.NameFamily, strings.Join(ws[cut:], " "))
	return f
}

func setText(f record.Fields, k record.Key, text string) {
	if text != "" {
		f.Set(k, text)
	}
}

func isEastAsian(s string) bool {
	for _, r := range s {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			return true
		}
	}
	return false
}
