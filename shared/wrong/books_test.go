package wrong_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// person makes a contact that both vendors can hold whole.
func person(i int) record.Record {
	return record.Record{Kind: record.Contact, Fields: record.Fields{
		record.NameFamily: {{Text: fmt.Sprintf("Tester%03d", i)}},
		record.NameGiven:  {{Text: fmt.Sprintf("Given%03d", i)}},
		record.Email:      {{Text: fmt.Sprintf("person%03d@people.example", i), Label: "work"}},
		record.OrgTitle:   {{Text: fmt.Sprintf("Title %d", i)}},
	}}
}

// people are n contacts from person(from) on.
func people(from, n int) []record.Record {
	out := make([]record.Record, n)
	for i := range out {
		out[i] = person(from + i)
	}
	return out
}

func seeds(rs []record.Record, groups ...string) []sandbox.Seed {
	out := make([]sandbox.Seed, len(rs))
	for i, r := range rs {
		out[i] = sandbox.Seed{Record: r, Groups: groups}
	}
	return out
}

// fill puts contacts into one side's stand-in, past Meibo, and returns their ids.
func (c *company) fillCRM(rs []record.Record) []string {
	c.w.t.Helper()
	return c.fill(c.w.box(c.w.sys[0]), c.crm, seeds(rs))
}

func (c *company) fillBook(rs []record.Record) []string {
	c.w.t.Helper()
	return c.fill(c.w.box(c.w.sys[1]), c.book, seeds(rs, c.w.folders()...))
}

func (c *company) fill(b sandbox.Book, user string, in []sandbox.Seed) []string {
	c.w.t.Helper()
	done, err := b.Fill(user, in)
	c.w.must(err)
	if len(done.Dropped) > 0 {
		c.w.t.Fatalf("the stand-in cannot hold %v", done.Dropped)
	}
	return done.IDs
}

// contacts reads a whole book past Meibo, by id: those in one of the groups, or all.
func (c *company) contacts(b sandbox.Book, user string, groups ...string) map[string]record.Fields {
	c.w.t.Helper()
	out := map[string]record.Fields{}
	for after := ""; ; {
		page, next, err := b.Contacts(user, after, 500)
		c.w.must(err)
		for _, k := range page {
			if len(groups) == 0 || slices.ContainsFunc(k.Groups, func(g string) bool { return slices.Contains(groups, g) }) {
				out[k.ID] = k.Record.Fields
			}
		}
		if next == "" {
			return out
		}
		after = next
	}
}

func (c *company) crmBook() map[string]record.Fields { return c.contacts(c.w.box(c.w.sys[0]), c.crm) }
func (c *company) bookBook() map[string]record.Fields {
	return c.contacts(c.w.box(c.w.sys[1]), c.book, c.w.folders()...)
}

// editCRM and editBook change one field as a person would, a while later.
func (c *company) editCRM(id string, k record.Key, text string) {
	c.w.t.Helper()
	c.w.clk.Advance(10 * time.Second)
	c.w.must(c.w.box(c.w.sys[0]).Edit(c.crm, id, record.Fields{k: {{Text: text}}}))
}

func (c *company) editBook(id string, k record.Key, text string) {
	c.w.t.Helper()
	c.w.clk.Advance(10 * time.Second)
	c.w.must(c.w.box(c.w.sys[1]).Edit(c.book, id, record.Fields{k: {{Text: text}}}))
}

// compared are the fields of person.
var compared = []record.Key{record.NameFamily, record.NameGiven, record.Email, record.OrgTitle}

func said(f record.Fields) string {
	var b strings.Builder
	for _, k := range compared {
		var texts []string
		for _, v := range f[k] {
			texts = append(texts, v.Text)
		}
		slices.Sort(texts)
		fmt.Fprintf(&b, "%s=%q ", k, texts)
	}
	return b.String()
}

// agree wants n people on both sides, each contact in exactly one link, nobody twice, and both ends of each link to say the same.
func (c *company) agree(n int) {
	c.w.t.Helper()
	if err := c.disagreement(n); err != nil {
		for _, r := range c.runs() {
			c.w.t.Logf("run %s %s: %s", r.Kind, r.State, r.Message)
		}
		c.w.t.Fatal(err)
	}
}

func (c *company) disagreement(n int) error {
	c.w.t.Helper()
	return c.differ(n, [2]map[string]record.Fields{c.crmBook(), c.bookBook()})
}

// differ says what is wrong with both books as they were read.
func (c *company) differ(n int, books [2]map[string]record.Fields) error {
	c.w.t.Helper()
	for i, name := range []string{"the CRM", "the book"} {
		if len(books[i]) != n {
			return fmt.Errorf("got %d contacts in %s, want %d", len(books[i]), name, n)
		}
		seen := map[string]string{}
		for id, f := range books[i] {
			mail := f[record.Email]
			if len(mail) == 0 {
				return fmt.Errorf("contact %s of %s lost its address", id, name)
			}
			if other, twice := seen[mail[0].Text]; twice {
				return fmt.Errorf("%s and %s of %s are the same person", id, other, name)
			}
			seen[mail[0].Text] = id
		}
	}
	linked := [2]map[string]bool{{}, {}}
	var errs []error
	for _, s := range c.records() {
		if s.State != "active" {
			errs = append(errs, fmt.Errorf("record %s ~ %s is %s: %s", s.CRM, s.Book, s.State, s.Code))
			continue
		}
		for i, id := range []string{s.CRM, s.Book} {
			if linked[i][id] {
				errs = append(errs, fmt.Errorf("record %s is in two links", id))
			}
			linked[i][id] = true
			if books[i][id] == nil {
				errs = append(errs, fmt.Errorf("record %s of a link is not there", id))
			}
		}
		if a, b := said(books[0][s.CRM]), said(books[1][s.Book]); a != b {
			errs = append(errs, fmt.Errorf("the two ends of a link differ:\n  %s\n  %s", a, b))
		}
	}
	for i := range books {
		for id := range books[i] {
			if !linked[i][id] {
				errs = append(errs, fmt.Errorf("record %s of side %d is in no link", id, i))
			}
		}
	}
	return errors.Join(errs...)
}

// quiet wants a further run to write nothing.
func (c *company) quiet() {
	c.w.t.Helper()
	c.sync()
	r := c.runs()[0]
	if r.State != "done" || r.CRM.Created+r.CRM.Updated+r.CRM.Deleted+r.Book.Created+r.Book.Updated+r.Book.Deleted > 0 {
		c.w.t.Fatalf("got %+v, want a run that finds nothing to do", r)
	}
}

// pairs returns the status of every person in the CRM, by the i of person(i).
func (c *company) pairs() map[int]status {
	c.w.t.Helper()
	out, crm := map[int]status{}, c.crmBook()
	for _, s := range c.records() {
		if f, there := crm[s.CRM]; there {
			out[number(f)] = s
		}
	}
	return out
}

// ids returns the two ids of the link of person(i).
func (c *company) ids(i int) (crm, book string) {
	c.w.t.Helper()
	s, there := c.pairs()[i]
	if !there {
		c.w.t.Fatalf("person %d is not in the CRM", i)
	}
	return s.CRM, s.Book
}

// text returns a contact's single value.
func text(f record.Fields, k record.Key) string {
	if len(f[k]) == 0 {
		return ""
	}
	return f[k][0].Text
}
