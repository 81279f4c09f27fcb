package contactfile

import (
	"fmt"
	"strings"
)

// rawCard is a card's content lines, parsed but not understood.
type rawCard struct {
	line    int
	version string
	props   []property
}

// readVCards reads all cards of a file.
func readVCards(name string, data []byte) ([]Entry, []Problem) {
	r := &cardReader{file: name, groups: map[string][]string{}, byUID: map[string]int{}}
	fallback := guess(data)
	u := &unfolder{lines: splitLines(data)}
	for {
		line, no, ok := u.line()
		if !ok {
			break
		}
		if r.edge(strings.ToUpper(strings.TrimSpace(string(line))), no) {
			u.old = false
			continue
		}
		if r.card == nil || r.agents > 0 {
			r.stray(no)
			continue
		}
		p, err := parseProperty(line, no, r.card.version, fallback)
		if err != nil {
			r.problem(no, "line skipped: %v", err)
			continue
		}
		if p.name == "VERSION" {
			r.card.version = p.text()
			u.old = r.card.version == v21
		}
		r.card.props = append(r.card.props, p)
	}
	if r.card != nil {
		r.problem(r.card.line, "card skipped: it has no END:VCARD")
	}
	r.applyGroupCards()
	return r.entries, r.problems
}

// cardReader collects cards into entries.
type cardReader struct {
	file     string
	card     *rawCard // nil between cards
	agents   int      // how deep in cards within the card's AGENT (vCard 2.1)
	outside  bool     // text between cards has been reported
	entries  []Entry
	problems []Problem
	byUID    map[string]int      // entry by the UID of its card
	groups   map[string][]string // members' UIDs by the name of a group card
	order    []string            // names of group cards, as they come
}

func (r *cardReader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Reason: fmt.Sprintf(format, args...)})
}

// edge handles the lines that begin and end cards, and reports whether line was one.
func (r *cardReader) edge(line string, no int) bool {
	switch line {
	case "BEGIN:VCARD":
		if r.card != nil && r.card.inAgent() {
			r.agents++
			return true
		}
		if r.card != nil {
			r.problem(r.card.line, "card skipped: it has no END:VCARD before the next card begins")
		}
		r.card, r.outside = &rawCard{line: no}, false
	case "END:VCARD":
		switch {
		case r.agents > 0:
			r.agents--
		case r.card == nil:
			r.problem(no, "END:VCARD without a card")
		default:
			r.finish()
		}
	default:
		return false
	}
	return true
}

// inAgent says whether a card that begins now is the value of an AGENT property.
func (c *rawCard) inAgent() bool {
	if len(c.props) == 0 {
		return false
	}
	last := c.props[len(c.props)-1]
	return last.name == "AGENT" && strings.TrimSpace(last.value) == ""
}

// stray reports text between cards once for each stretch of it. The lines of an AGENT's card are expected.
func (r *cardReader) stray(no int) {
	if r.agents == 0 && !r.outside {
		r.problem(no, "text outside of a card skipped: expected BEGIN:VCARD")
		r.outside = true
	}
}

func (r *cardReader) finish() {
	c := r.card
	r.card = nil
	b := newBuilder(c)
	b.build()
	if b.isGroup {
		r.groups[b.fn] = append(r.groups[b.fn], b.members...)
		r.order = append(r.order, b.fn)
		return
	}
	if len(b.fields) == 0 {
		r.problem(c.line, "card skipped: it holds nothing of a contact")
		return
	}
	if b.uid != "" {
		r.byUID[b.uid] = len(r.entries)
	}
	r.entries = append(r.entries, b.entry(fmt.Sprintf("%s:%d", r.file, c.line)))
}

// applyGroupCards puts the members that group cards name (RFC 6350 KIND:group, and Apple's form of it) into those groups.
func (r *cardReader) applyGroupCards() {
	for _, name := range r.order {
		for _, uid := range r.groups[name] {
			if i, ok := r.byUID[uid]; ok {
				r.entries[i].Groups = appendOnce(r.entries[i].Groups, name)
			}
		}
		delete(r.groups, name) // two cards of one name were joined
	}
}

func appendOnce(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}
