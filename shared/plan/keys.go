package plan

import (
	"slices"
	"strings"

	"meibo/shared/profile"
	"meibo/shared/record"
)

// Keys are the match keys of one record: keyed digests that tell who may be the same person without keeping who it is.
type Keys struct {
	ID string
	// Mark is the mark that the record carries, Own the one that a copy of it on the other side carries; 0 if none.
	Mark, Own uint64
	// First are the e-mail addresses that are compared before any others (ZG10); Emails are all of them.
	First, Emails []uint64
	Phones        []uint64
	// Words are the words of the name and of its reading, Name the whole name in no particular order, NameOrg the name with
	// the organisation; 0 if there is none.
	Words         []uint64
	Name, NameOrg uint64
	// Content is the digest of all mapped values: it finds a create whose answer was lost.
	Content uint64
	// Linked says that the record has a partner already.
	Linked bool
}

// bare reports whether nothing but the name could tell the record from another.
func (k *Keys) bare() bool { return len(k.Emails) == 0 && len(k.Phones) == 0 && k.NameOrg == 0 }

// Identity returns the match keys of a record of side s. account is the id of the account that it is in, mark the mark that it
// carries.
func (p *Planner) Identity(s profile.Side, account, id, mark string, fields record.Fields) Keys {
	k := Keys{ID: id, Content: p.Content(s, fields)}
	if mark != "" {
		k.Mark = p.dig.Key("mark", mark)
	}
	k.Own = p.dig.Key("mark", p.dig.Mark(account, id))
	for _, v := range fields[record.Email] {
		form := p.cmp.Form(record.TypeEmail, v, nil)
		if !strings.Contains(form, "@") {
			continue
		}
		d := p.dig.Key("email", form)
		k.Emails = appendNew(k.Emails, d)
		if p.first(s, v.Label) {
			k.First = appendNew(k.First, d)
		}
	}
	for _, v := range fields[record.Phone] {
		if form := p.cmp.Form(record.TypePhone, v, nil); dialable(form) {
			k.Phones = appendNew(k.Phones, p.dig.Key("phone", form))
		}
	}
	name := words(fields, record.NameFamily, record.NameGiven)
	for _, w := range append(words(fields, record.NamePhoneticFamily, record.NamePhoneticGiven), name...) {
		k.Words = appendNew(k.Words, p.dig.Key("word", w))
	}
	org := record.Fold(fields.First(record.OrgName))
	if len(name) > 0 {
		// The whole name without spaces and in no order, so that "山田 太郎", "太郎 山田" and a name kept in one field agree.
		slices.Sort(name)
		whole := strings.Join(name, "")
		k.Name = p.dig.Key("name", sorted(whole))
		if org != "" {
			k.NameOrg = p.dig.Key("nameorg", sorted(whole)+"\x1f"+org)
		}
	} else if org != "" {
		k.NameOrg = p.dig.Key("org", org)
	}
	return k
}

// dialable reports whether the comparison form of a phone number is long enough a number to tell people apart.
func dialable(form string) bool {
	digits := strings.Trim(form, "+0123456789") == "" || strings.HasPrefix(form, "+")
	return digits && len(form) >= 7
}

// sorted returns the runes of s in order: two names of the same runes are the same name for matching, which is never used
// without an organisation or a number beside it.
func sorted(s string) string {
	rs := []rune(s)
	slices.Sort(rs)
	return string(rs)
}

func words(fields record.Fields, keys ...record.Key) []string {
	var out []string
	for _, k := range keys {
		out = append(out, strings.Fields(record.Fold(fields.First(k)))...)
	}
	return out
}

func (p *Planner) first(s profile.Side, label string) bool {
	for _, l := range p.rules.MatchFirst {
		if s == profile.CRM && l.CRM == label || s == profile.Book && l.Book == label {
			return true
		}
	}
	return false
}

func appendNew(list []uint64, d uint64) []uint64 {
	if slices.Contains(list, d) {
		return list
	}
	return append(list, d)
}

// Content returns the digest of all mapped values of fields, as a record of side s has them, in comparison form and in no
// particular order within a field.
func (p *Planner) Content(s profile.Side, fields record.Fields) uint64 {
	side := Index(s)
	var b strings.Builder
	for i := range p.pairs {
		f := &p.pairs[i]
		forms := make([]string, 0, 4)
		for _, v := range fields[f.field[side].Key] {
			if form := p.cmp.Form(f.typ, v, f.parts); form != "" {
				forms = append(forms, form)
			}
		}
		if len(forms) == 0 {
			continue
		}
		slices.Sort(forms)
		b.WriteByte(byte(i))
		b.WriteString(strings.Join(forms, "\x1d"))
		b.WriteByte(0x1c)
	}
	return p.dig.Key("content", b.String())
}
