package trial

import (
	"context"

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
	for _, b := range []standIn{r.crm, r.book} {
		if err := b.person(ctx, b.user, "森田 愛子"); err != nil {
			return 0, 0, err
		}
	}
	dropped := map[string]int{}
	if crm, err = r.crm.fill(ctx, s.n, s.inCRM, s.crmSeed, dropped); err != nil {
		return crm, book, err
	}
	book, err = r.book.fill(ctx, s.n, s.inBook, s.bookSeed, dropped)
	for f, n := range dropped {
		say("  the stand-ins themselves cannot hold %s of %d of the given contacts", f, n)
	}
	return crm, book, err
}

// fill puts those of n people that are in this book into it, and returns how many they are.
func (b standIn) fill(ctx context.Context, n int, in func(int) bool, seed func(int) sandbox.Seed, dropped map[string]int) (int, error) {
	done := 0
	var batch []sandbox.Seed
	for i := range n {
		if in(i) {
			batch = append(batch, seed(i))
		}
		if len(batch) == 0 || len(batch) < fillBatch && i < n-1 {
			continue
		}
		ids, err := b.put(ctx, batch, dropped)
		done += len(ids)
		if err != nil {
			return done, err
		}
		batch = batch[:0]
	}
	return done, nil
}
