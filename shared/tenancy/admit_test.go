package tenancy_test

import (
	"fmt"
	"testing"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// admits is a directory that is connected, with the item that says so.
func (w *world) admits(m tenancy.Member, company string) store.Key {
	w.t.Helper()
	key := store.Key{PK: "T#" + m.Tenant, SK: "directory#microsoft"}
	if err := w.table.Write(w.t.Context(), store.Put(store.Item{Key: key, V: 1, Body: []byte("{}")}, store.Cond{})); err != nil {
		w.t.Fatal(err)
	}
	w.admit = func(system string, who *connector.Identity) (tenancy.Held, error) {
		it, err := w.table.Get(w.t.Context(), key)
		if err != nil || system != "microsoft" {
			return tenancy.Held{}, &tenancy.Refusal{Code: "directory_needed", Reason: "r", Cure: "c"}
		}
		if who != nil && who.CompanyID != company {
			return tenancy.Held{}, &tenancy.Refusal{Code: "other_directory", Reason: "r", Cure: "c"}
		}
		return tenancy.Held{Key: key, V: it.V}, nil
	}
	return key
}

func (w *world) takeAway(key store.Key) {
	w.t.Helper()
	if err := w.table.Write(w.t.Context(), store.Delete(key, store.Cond{})); err != nil {
		w.t.Fatal(err)
	}
}

// at connects an account at Microsoft in a directory.
func (w *world) at(m tenancy.Member, company string) tenancy.Account {
	w.t.Helper()
	in := authorised(m, "microsoft", company+"/"+m.ID)
	in.Identity.CompanyID = company
	a, err := w.Connect(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// SM3: accounts of a directory that no administrator has connected, or of another one, are refused wherever they come in.
func TestDirectoryFirst(t *testing.T) {
	w := newWorld(t)
	m := w.company("taro")
	card := w.account(m, "sansan", "s1")
	ours, theirs := w.at(m, "ours"), w.at(m, "theirs")
	key := w.admits(m, "ours")
	w.prepare = func(tenancy.Preparation) (tenancy.Prepared, error) { return tenancy.Prepared{Folder: "f"}, nil }
	create := func(crm, book tenancy.Account) (tenancy.Connection, error) {
		return w.CreateConnection(t.Context(), m, tenancy.NewConnection{CRM: crm.ID, Book: book.ID})
	}

	t.Run("an account of another directory is refused with both", func(t *testing.T) {
		_, err := create(card, theirs)
		wantRefusal(t, err, "other_directory")
	})
	t.Run("whichever comes last", func(t *testing.T) {
		for _, order := range [][2]tenancy.Account{{card, theirs}, {theirs, card}} {
			c, err := w.CreateConnection(t.Context(), m, tenancy.NewConnection{})
			if err != nil {
				t.Fatal(err)
			}
			if c, err = w.Attach(t.Context(), m, c.ID, order[0].ID); err != nil {
				t.Fatal(err)
			}
			_, err = w.Attach(t.Context(), m, c.ID, order[1].ID)
			wantRefusal(t, err, "other_directory")
			if got, err := w.Connection(t.Context(), m, c.ID); err != nil || got.State != tenancy.Authorizing || got.CRM != "" && got.Book != "" {
				t.Errorf("got %+v, %v, want it as it was", got, err)
			}
		}
	})
	t.Run("another CRM does not need it", func(t *testing.T) {
		if _, err := create(w.account(m, "zoho", "z1"), theirs); err != nil {
			t.Error(err)
		}
	})
	t.Run("a directory that is taken away before the start keeps it from starting", func(t *testing.T) {
		c, err := create(card, ours)
		if err != nil {
			t.Fatal(err)
		}
		w.takeAway(key)
		_, err = w.Start(t.Context(), m, c.ID)
		wantRefusal(t, err, "directory_needed")
		if len(w.prepared) != 0 {
			t.Errorf("a folder was made: %v", w.prepared)
		}
		w.admits(m, "ours")
		t.Run("and so does one in the middle of the start", func(t *testing.T) {
			w.onCatalogue = func() { w.takeAway(key) }
			defer func() { w.onCatalogue = nil }()
			_, err = w.Start(t.Context(), m, c.ID)
			wantRefusal(t, err, "directory_needed")
			if got := w.state(c); got != tenancy.Ready {
				t.Errorf("state = %s, want ready", got)
			}
		})
	})
	t.Run("an installation without directories refuses", func(t *testing.T) {
		s := tenancy.New(tenancy.Config{Table: w.table, Clock: w.clock, Scheduler: w.scheduler})
		_, err := s.CreateConnection(t.Context(), m, tenancy.NewConnection{CRM: card.ID, Book: ours.ID})
		wantRefusal(t, err, "directory_needed")
	})
}

// Nobody is sent to a consent that comes to nothing.
func TestAdmissible(t *testing.T) {
	w := newWorld(t)
	m := w.company("taro")
	card := w.account(m, "sansan", "s1")
	key := w.admits(m, "ours")
	ours, theirs := w.at(m, "ours"), w.at(m, "theirs")
	draft := func(account tenancy.Account) string {
		t.Helper()
		n := tenancy.NewConnection{}
		if account.Side == profile.CRM {
			n.CRM = account.ID
		} else if account.ID != "" {
			n.Book = account.ID
		}
		c, err := w.CreateConnection(t.Context(), m, n)
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	book := func(connection, company string) tenancy.Intent {
		in := tenancy.Intent{Tenant: m.Tenant, System: "microsoft", Side: profile.Book, Connection: connection}
		if company != "" {
			in.Identity = &connector.Identity{CompanyID: company}
		}
		return in
	}
	crm := func(connection string) tenancy.Intent {
		return tenancy.Intent{Tenant: m.Tenant, System: "sansan", Side: profile.CRM, Connection: connection}
	}
	withCard, withOurs, withTheirs, empty := draft(card), draft(ours), draft(theirs), draft(tenancy.Account{})
	for name, c := range map[string]struct {
		in   tenancy.Intent
		code string
	}{
		"for nothing in particular":     {book("", "theirs"), ""},
		"for an empty draft":            {book(empty, "theirs"), ""},
		"for cards, before it is known": {book(withCard, ""), ""},
		"for cards, of the directory":   {book(withCard, "ours"), ""},
		"for cards, of another":         {book(withCard, "theirs"), "other_directory"},
		"cards for the directory":       {crm(withOurs), ""},
		"cards for another":             {crm(withTheirs), "other_directory"},
		"cards for an empty draft":      {crm(empty), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := w.Admissible(t.Context(), c.in)
			if c.code == "" && err != nil {
				t.Errorf("got %v", err)
			} else if c.code != "" {
				wantRefusal(t, err, c.code)
			}
		})
	}
	wantNotFound(t, w.Admissible(t.Context(), book("01MADEUP", "ours")))
	t.Run("a renewal is refused if nothing can go on with it", func(t *testing.T) {
		if _, err := w.Attach(t.Context(), m, withCard, ours.ID); err != nil {
			t.Fatal(err)
		}
		again := tenancy.Intent{Tenant: m.Tenant, System: "microsoft", Side: profile.Book, Account: ours.ID, Identity: &ours.Identity}
		if err := w.Admissible(t.Context(), again); err != nil {
			t.Errorf("got %v", err)
		}
		if _, err := w.Attach(t.Context(), m, empty, ours.ID); err != nil {
			t.Fatal(err)
		}
		w.takeAway(key)
		if err := w.Admissible(t.Context(), again); err != nil {
			t.Errorf("another connection could go on: got %v", err)
		}
		for _, c := range []string{empty, withOurs} {
			if _, err := w.Stop(t.Context(), m, c); err != nil {
				t.Fatal(err)
			}
		}
		wantRefusal(t, w.Admissible(t.Context(), again), "directory_needed")
	})
}

// SM8: the administrator's end is everybody's, and only of what needs the directory.
func TestStopDirected(t *testing.T) {
	w := newWorld(t)
	boss := w.company("boss")
	key := w.admits(boss, "ours")
	w.prepare = func(tenancy.Preparation) (tenancy.Prepared, error) { return tenancy.Prepared{Folder: "f"}, nil }
	started := func(m tenancy.Member, crm tenancy.Account) tenancy.Connection {
		t.Helper()
		c, err := w.CreateConnection(t.Context(), m, tenancy.NewConnection{CRM: crm.ID, Book: w.at(m, "ours").ID})
		if err == nil {
			c, err = w.Start(t.Context(), m, c.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var members []tenancy.Connection
	for i := range 3 {
		m := w.member(boss, fmt.Sprintf("m%d", i), tenancy.Regular, tenancy.Permissions()...)
		members = append(members, started(m, w.account(m, "sansan", m.ID)))
	}
	other := started(boss, w.account(boss, "zoho", "z"))
	elsewhere := w.active(w.company("abroad"), "x")
	if _, err := w.Pause(t.Context(), boss, members[1].ID); err != nil {
		t.Fatal(err)
	}
	w.takeAway(key)
	for range 2 { // it can be repeated
		if err := w.StopDirected(t.Context(), boss.Tenant, "microsoft", "the administrator has disconnected it"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range members {
		got, err := w.ConnectionByID(t.Context(), c.Tenant, c.ID)
		if err != nil || got.State != tenancy.Stopped || got.Reason == "" {
			t.Errorf("got %s %q, %v, want stopped with the reason", got.State, got.Reason, err)
		}
	}
	if w.state(other) != tenancy.Active || w.state(elsewhere) != tenancy.Active {
		t.Errorf("got %s and %s, want what does not need the directory to go on", w.state(other), w.state(elsewhere))
	}
}

// A consent that is given again lets those go on that only waited for it.
func TestResumeDirected(t *testing.T) {
	w := newWorld(t)
	m := w.company("taro")
	key := w.admits(m, "ours")
	w.prepare = func(tenancy.Preparation) (tenancy.Prepared, error) { return tenancy.Prepared{Folder: "f"}, nil }
	book := w.at(m, "ours")
	c, err := w.CreateConnection(t.Context(), m, tenancy.NewConnection{CRM: w.account(m, "sansan", "s").ID, Book: book.ID})
	if err == nil {
		c, err = w.Start(t.Context(), m, c.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	resume := func() int {
		t.Helper()
		got, err := w.ResumeDirected(t.Context(), m.Tenant, "microsoft")
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	if err := w.MarkLost(t.Context(), m.Tenant, book.ID, "withdrawn"); err != nil {
		t.Fatal(err)
	}
	if n := resume(); n != 0 || w.state(c) != tenancy.NeedsReauth {
		t.Errorf("resumed %d, state %s: its account is still lost", n, w.state(c))
	}
	w.takeAway(key)
	w.at(m, "ours") // connected again too early
	if w.state(c) != tenancy.NeedsReauth || resume() != 0 {
		t.Errorf("state = %s, want it to wait for the administrator", w.state(c))
	}
	w.admits(m, "ours")
	if n := resume(); n != 1 || w.state(c) != tenancy.Active {
		t.Errorf("resumed %d, state %s", n, w.state(c))
	}
	if n := resume(); n != 0 {
		t.Errorf("resumed %d once more", n)
	}
}

func TestChoicesThatHold(t *testing.T) {
	w := newWorld(t)
	m := w.company("taro")
	c := w.ready(m, "v")
	object := connector.Option{Key: "object", Name: "Object", Default: "contacts", Fixed: true,
		Choices: []connector.Choice{{Value: "contacts"}, {Value: "leads"}, {Value: "nothing"}}}
	stage := connector.Option{Key: "stage", Name: "Stage", Choices: []connector.Choice{{Value: "new"}, {Value: "old"}}}
	w.options = map[string][]connector.Option{c.Book: {object, stage}}
	change := func(options map[string]string) error {
		t.Helper()
		now, err := w.Connection(t.Context(), m, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		now.Settings.BookOptions = options
		_, err = w.ChangeConnection(t.Context(), m, c.ID, tenancy.ConnectionChange{Settings: &now.Settings})
		return err
	}
	for _, o := range []map[string]string{{"object": "contacts"}, {"object": "leads"}} { // a draft may change
		if err := change(o); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Start(t.Context(), m, c.ID); err != nil {
		t.Fatal(err)
	}
	wantField(t, change(map[string]string{"object": "contacts"}), "settings.book_options.object")
	wantField(t, change(nil), "settings.book_options.object") // the default is the other one
	wantField(t, change(map[string]string{"object": "nothing"}), "settings.book_options.object")
	if err := change(map[string]string{"object": "leads", "stage": "old"}); err != nil {
		t.Errorf("what is not fixed: %v", err)
	}
	if _, err := w.Pause(t.Context(), m, c.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Start(t.Context(), m, c.ID); err != nil {
		t.Errorf("resumed as it is: %v", err)
	}
}

// A side that can only be read is never written to: not at the start, and not by a change.
func TestReadOnlySides(t *testing.T) {
	for _, side := range []profile.Side{profile.CRM, profile.Book} {
		for _, d := range []profile.Direction{profile.TwoWay, profile.CRMToBook, profile.BookToCRM} {
			t.Run(fmt.Sprintf("%s with the %s read-only", d, side), func(t *testing.T) {
				w := newWorld(t)
				m := w.company("taro")
				c := w.ready(m, "v")
				w.readOnly = map[string]bool{c.CRM: side == profile.CRM, c.Book: side == profile.Book}
				c.Settings.Rules.Direction = d
				if _, err := w.ChangeConnection(t.Context(), m, c.ID, tenancy.ConnectionChange{Settings: &c.Settings}); err != nil {
					t.Fatal(err)
				}
				_, err := w.Start(t.Context(), m, c.ID)
				if d.Writes(side) {
					wantField(t, err, "settings.rules.direction")
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				c.Settings.Rules.Direction = profile.TwoWay
				_, err = w.ChangeConnection(t.Context(), m, c.ID, tenancy.ConnectionChange{Settings: &c.Settings})
				wantField(t, err, "settings.rules.direction")
			})
		}
	}
}

// Whether the CRM overwrites the book is the pair's to say.
func TestOverwriteIsFixed(t *testing.T) {
	for _, pair := range [][2]string{{"sansan", "microsoft"}, {"zoho", "google"}, {"hubspot", "dynamics"}} {
		p := profile.For(pair[0], pair[1])
		set := tenancy.DefaultSettings(tenancy.Tenant{}, p)
		if err := tenancy.CheckSettings(p, set); err != nil {
			t.Errorf("%v: %v", pair, err)
		}
		set.Rules.Overwrite = !set.Rules.Overwrite
		wantField(t, tenancy.CheckSettings(p, set), "settings.rules.overwrite")
	}
	from, to := profile.For("", "microsoft"), profile.SansanMicrosoft()
	set := tenancy.Rebase(tenancy.Tenant{}, tenancy.DefaultSettings(tenancy.Tenant{}, from), from, to)
	if !set.Rules.Overwrite || tenancy.CheckSettings(to, set) != nil {
		t.Errorf("a draft that becomes one of Sansan: %+v", set.Rules)
	}
	back := tenancy.Rebase(tenancy.Tenant{}, set, to, from)
	if back.Rules.Overwrite || tenancy.CheckSettings(from, back) != nil {
		t.Errorf("and back: %+v", back.Rules)
	}
}
