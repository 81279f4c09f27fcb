package contactfile

import (
	"strings"
	"unicode"

	"meibo/shared/record"
)

// hints are TYPE values that say how a value is used and not which of the person's it is.
var hints = map[string]bool{
	"PREF": true, "VOICE": true, "MSG": true, "TEXT": true, "VIDEO": true, "INTERNET": true, "X400": true, "X.400": true, "DOM": true,
	"INTL": true, "POSTAL": true, "PARCEL": true, "TEXTPHONE": true, "URI": true, "SMTP": true, "X-INTERNET": true,
}

// label returns the label of a value: what the person typed (Apple's X-ABLabel), or what its types say.
func (b *builder) label(p *property) string {
	if l := b.typed(p); l != "" {
		return l
	}
	types := typesOf(p)
	switch {
	case types["HOME"]:
		return record.LabelHome
	case types["WORK"]:
		return record.LabelWork
	case types["CELL"]:
		return record.LabelMobile
	}
	return firstOther(p)
}

// phoneLabel returns the label of a phone number, whose types combine.
func (b *builder) phoneLabel(p *property) string {
	if l := b.typed(p); l != "" {
		return l
	}
	types := typesOf(p)
	home, work := types["HOME"], types["WORK"]
	switch {
	case types["FAX"] && home:
		return record.LabelHomeFax
	case types["FAX"] && work:
		return record.LabelWorkFax
	case types["FAX"]:
		return record.LabelOtherFax
	case types["PAGER"] && work:
		return "work_pager"
	case types["PAGER"]:
		return record.LabelPager
	case (types["CELL"] || types["MOBILE"]) && work:
		return "work_mobile"
	case types["CELL"], types["MOBILE"]:
		return record.LabelMobile
	case types["MAIN"], types["MAIN-NUMBER"]:
		return record.LabelMain
	case types["X-EVOLUTION-COMPANY"]:
		return record.LabelMain
	case home:
		return record.LabelHome
	case work:
		return record.LabelWork
	}
	return firstOther(p)
}

func (b *builder) typed(p *property) string {
	if p.group == "" {
		return ""
	}
	return appleLabel(b.labels[p.group])
}

func typesOf(p *property) map[string]bool {
	types := make(map[string]bool, len(p.params["TYPE"]))
	for _, t := range p.params["TYPE"] {
		types[strings.ToUpper(t)] = true
	}
	return types
}

// firstOther returns the first type that is no hint, as a label.
func firstOther(p *property) string {
	for _, t := range p.params["TYPE"] {
		up := strings.ToUpper(t)
		if t == "" || hints[up] {
			continue
		}
		up = strings.TrimPrefix(strings.TrimPrefix(up, "X-"), "EVOLUTION-")
		return strings.ReplaceAll(strings.ToLower(up), "-", "_")
	}
	return ""
}

// appleLabel turns Apple's marks for built-in labels, such as _$!<HomeFAX>!$_, into canonical ones. What a person typed stays.
func appleLabel(s string) string {
	inner, ok := strings.CutPrefix(s, "_$!<")
	if !ok {
		return s
	}
	inner = strings.TrimSuffix(inner, ">!$_")
	switch l := snake(inner); l {
	case "assistant_phone":
		return record.LabelAssistant
	case "cell", "mobile_phone":
		return record.LabelMobile
	default:
		return l
	}
}

// snake turns words that are told apart by capitals, hyphens or spaces into lower case with underscores: HomeFAX, home fax.
func snake(s string) string {
	var b strings.Builder
	prev := '_'
	for _, r := range strings.TrimSpace(s) {
		switch {
		case r == ' ' || r == '-' || r == '_':
			r = '_'
			if prev == '_' {
				continue
			}
		case unicode.IsUpper(r):
			if unicode.IsLower(prev) || unicode.IsDigit(prev) {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
		prev = r
	}
	return b.String()
}
