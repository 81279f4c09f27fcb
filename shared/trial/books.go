package trial

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"meibo/shared/contactfile"
	"meibo/shared/people"
	"meibo/shared/record"
	"meibo/shared/sandbox"
)

// fillBatch is how many contacts one control request fills in.
const fillBatch = 500

// source gives the people of both books. Of every ten, four are in both, as each book's owner would have typed them, three only
// in the CRM and three only in the book.
type source struct {
	n  int
	at func(i int) record.Record
	// vary says the same person as the other book has it.
	vary func(i int, r record.Record) record.Record
	// groups of the contact in the book.
	groups func(i int) []string
}

func (s source) inCRM(i int) bool  { return i%10 < 7 }
func (s source) inBook(i int) bool { return i%10 < 4 || i%10 >= 7 }

// read returns the people of a trial, and the lines of the given files that could not be read.
func read(o Options) (source, []string, error) {
	if len(o.Files) == 0 {
		return source{n: o.Records,
			at:     func(i int) record.Record { return people.At(o.Seed, i) },
			vary:   func(i int, r record.Record) record.Record { return people.Vary(o.Seed+int64(i), r) },
			groups: func(int) []string { return nil },
		}, nil, nil
	}
	var entries []contactfile.Entry
	var problems []string
	for _, f := range o.Files {
		es, ps, err := contactfile.ReadPath(f)
		if err != nil {
			return source{}, nil, err
		}
		entries = append(entries, es...)
		for _, p := range ps {
			problems = append(problems, p.String())
		}
	}
	return source{n: len(entries),
		at:     func(i int) record.Record { return entries[i].Record },
		vary:   func(i int, r record.Record) record.Record { return people.Vary(o.Seed+int64(i), r) },
		groups: func(i int) []string { return entries[i].Groups },
	}, problems, nil
}

// Books returns the contacts that both books of a trial begin with, for whoever fills stand-ins of their own, and the lines of the
// given files that could not be read. Only Records, Files and Seed of the options count.
func Books(o Options) (crm, book []sandbox.Seed, problems []string, err error) {
	s, problems, err := read(o)
	if err != nil {
		return nil, nil, nil, err
	}
	for i := range s.n {
		if s.inCRM(i) {
			crm = append(crm, s.crmSeed(i))
		}
		if s.inBook(i) {
			book = append(book, s.bookSeed(i))
		}
	}
	return crm, book, problems, nil
}

func (s source) crmSeed(i int) sandbox.Seed { return sandbox.Seed{Record: s.at(i)} }

func (s source) bookSeed(i int) sandbox.Seed {
	rec := s.at(i)
	if s.inCRM(i) {
		rec = s.vary(i, rec)
	}
	return sandbox.Seed{Record: rec, Groups: s.groups(i)}
}

// fill puts the people into both stand-ins and returns how many each holds.
func (r *rig) fill(ctx context.Context, s source, say func(string, ...any)) (crm, book int, err error) {
	if err := r.crm.do(ctx, http.MethodPost, "/sandbox/users", map[string]any{"email": crmUser, "name": "森田 愛子"}, nil); err != nil {
		return 0, 0, err
	}
	if err := r.book.do(ctx, http.MethodPost, "/sandbox/users", map[string]any{"email": bookUser, "name": "森田 愛子"}, nil); err != nil {
		return 0, 0, err
	}
	dropped := map[string]int{}
	put := func(b standIn, in func(int) bool, seed func(int) sandbox.Seed) (int, error) {
		n := 0
		var batch []sandbox.Seed
		flush := func() error {
			if len(batch) == 0 {
				return nil
			}
			var out struct {
				IDs     []string            `json:"ids"`
				Dropped map[string][]string `json:"dropped"`
			}
			err := b.do(ctx, http.MethodPost, "/sandbox/contacts?user="+url.QueryEscape(b.user), map[string]any{"contacts": batch}, &out)
			n += len(out.IDs)
			for _, fields := range out.Dropped {
				for _, f := range fields {
					dropped[f]++
				}
			}
			batch = batch[:0]
			return err
		}
		for i := 0; i < s.n; i++ {
			if !in(i) {
				continue
			}
			if batch = append(batch, seed(i)); len(batch) == fillBatch {
				if err := flush(); err != nil {
					return n, err
				}
			}
		}
		return n, flush()
	}
	if crm, err = put(r.crm, s.inCRM, s.crmSeed); err != nil {
		return crm, book, err
	}
	book, err = put(r.book, s.inBook, s.bookSeed)
	for f, n := range dropped {
		say("  the stand-ins themselves cannot hold %s of %d of the given contacts", f, n)
	}
	return crm, book, err
}

// each calls f with every contact of a stand-in.
func (b standIn) each(ctx context.Context, f func(sandbox.Contact) error) error {
	after := ""
	for {
		var page struct {
			Contacts []sandbox.Contact `json:"contacts"`
			Next     string            `json:"next"`
		}
		path := fmt.Sprintf("/sandbox/contacts?user=%s&limit=500&after=%s", url.QueryEscape(b.user), url.QueryEscape(after))
		if err := b.do(ctx, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		for _, c := range page.Contacts {
			if err := f(c); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		after = page.Next
	}
}

func (b standIn) path(id string) string {
	return "/sandbox/contacts/" + id + "?user=" + url.QueryEscape(b.user)
}

// edit changes fields of a contact as a person would.
func (b standIn) edit(ctx context.Context, id string, fields record.Fields) error {
	return b.do(ctx, http.MethodPatch, b.path(id), map[string]any{"fields": fields}, nil)
}

func (b standIn) remove(ctx context.Context, id string) error {
	return b.do(ctx, http.MethodDelete, b.path(id), nil, nil)
}

func (b standIn) get(ctx context.Context, id string) (c sandbox.Contact, err error) {
	err = b.do(ctx, http.MethodGet, b.path(id), nil, &c)
	return c, err
}

func (b standIn) add(ctx context.Context, r record.Record) error {
	return b.do(ctx, http.MethodPost, "/sandbox/contacts?user="+url.QueryEscape(b.user), map[string]any{"contacts": []sandbox.Seed{{Record: r}}}, nil)
}
