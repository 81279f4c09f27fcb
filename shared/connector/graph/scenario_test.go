package graph_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	graphbox "meibo/shared/sandbox/graph"
)

func TestAStaleVersionConflicts(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	c := b.connector()
	ids := b.put("", named("A"), named("B"))
	got, err := c.Get(ctx, nil, ids)
	b.must(err)
	b.must(b.sb.Edit(user, ids[0], record.Fields{record.NameFamily: text("Theirs")}))
	for _, w := range []connector.Write{update(got[0].Item, record.Fields{record.NameGiven: text("Ours")}), {Op: connector.Delete, ID: ids[0], Current: &got[0].Item}} {
		rs, err := c.Apply(ctx, []connector.Write{w})
		if err != nil || !errors.Is(rs[0].Err, connector.ErrVersionConflict) {
			t.Errorf("%s: got %v, %v; want ErrVersionConflict", w.Op, err, rs)
		}
	}
	if strings.Contains(b.native(ids[0])["givenName"], "Ours") {
		t.Error("the update was carried out")
	}
	t.Run("what a write was not given is read first", func(t *testing.T) {
		it := got[1].Item
		it.Raw = nil
		rs, err := c.Apply(ctx, []connector.Write{update(it, record.Fields{record.NameFamily: text("Ours")})})
		if err != nil || rs[0].Err != nil || b.native(ids[1])["displayName"] != `"B Ours"` {
			t.Errorf("got %v, %v, shown as %s", err, rs, b.native(ids[1])["displayName"])
		}
		rs, err = c.Apply(ctx, []connector.Write{update(it, record.Fields{record.NameFamily: text("Again")})})
		if err != nil || !errors.Is(rs[0].Err, connector.ErrVersionConflict) {
			t.Errorf("of an old version: got %v, %v; want ErrVersionConflict", err, rs)
		}
	})
}

func TestAMoveOutOfTheFolderIsNoDeletion(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	c := b.connector()
	ids := b.put("CRM", named("A"), named("B"))
	groups, err := c.Groups(ctx)
	b.must(err)
	folder := groups[1].ID
	b.clock.Advance(time.Minute)
	scope := connector.Scope{Groups: []string{folder}}
	_, cursor := whole3(t, c, scope)
	_, all := whole3(t, c, connector.Scope{})
	b.must(b.sb.SetGroups(user, ids[0], nil))
	b.clock.Advance(time.Minute)
	p := changes(t, c, scope, cursor)
	if len(p.Changed) != 0 || len(p.Deleted) != 1 || p.Deleted[0] != (connector.Deletion{ID: ids[0], Evidence: connector.EvidenceScoped}) {
		t.Errorf("the folder: %s, want a tombstone of the folder", ids2(p))
	}
	got, err := c.Get(ctx, nil, ids[:1])
	if err != nil || got[0].Status != connector.StatusFound || got[0].Item.ID != ids[0] {
		t.Errorf("by id: %+v, %v; want it found under its id", got, err)
	}
	var named []string
	for more := true; more; {
		p := changes(t, c, connector.Scope{}, all)
		for _, it := range p.Changed {
			named = append(named, it.ID)
		}
		all, more = p.Next, p.More
	}
	if !slices.Contains(named, ids[0]) {
		t.Error("everything: the moved contact was not named as changed")
	}
}

func ids2(p connector.Page) string {
	return fmt.Sprintf("%d changed, deleted %v", len(p.Changed), p.Deleted)
}

func TestListingsHoldWithTheServicesQuirks(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	b.must(b.sb.SetQuirks(graphbox.Quirks{EmptyPages: true, RepeatItems: true, NoLocation: true}))
	var recs []record.Record
	for i := range 450 {
		recs = append(recs, named(fmt.Sprint("P", i)))
	}
	want := b.put("", recs...)
	b.clock.Advance(time.Minute)
	c, seen, cursor := b.connector(), map[string]bool{}, ""
	for more := true; more; {
		p := changes(t, c, connector.Scope{}, cursor)
		for _, it := range p.Changed {
			seen[it.ID] = true
		}
		cursor, more = p.Next, p.More
	}
	if len(seen) != len(want) {
		t.Errorf("%d contacts were named, want %d", len(seen), len(want))
	}
	b.must(b.sb.ExpireCursors(user))
	if _, err := c.Changes(ctx, connector.Scope{}, cursor); !errors.Is(err, connector.ErrCursorExpired) {
		t.Errorf("got error %v, want ErrCursorExpired", err)
	}
}

func TestAMailboxThatIsMissing(t *testing.T) {
	b := newBox(t, nil, graphbox.User{Email: "no@contoso.example", Name: "No", NoMailbox: true})
	var forbid *connector.ForbiddenError
	_, err := b.connector().Changes(ctx, connector.Scope{}, "")
	if !errors.As(err, &forbid) || !strings.Contains(err.Error(), "mailbox") {
		t.Errorf("got error %v, want it said that there is no mailbox", err)
	}
}

func TestFirstSyncTakesTheTimeThatTheLimitsDictate(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	b.must(b.sb.SetLimits(graphbox.Limits{Requests: 100}))
	limits := graph.DefaultLimits()
	limits[0].Units = 100
	c := b.connector(func(c *graph.Config) { c.Limits = limits })
	b.sb.Faults().ResetCalls()
	for range 25 {
		var ws []connector.Write
		for i := range 20 {
			ws = append(ws, create(named(fmt.Sprint("P", i)).Fields))
		}
		rs, err := c.Apply(ctx, ws)
		b.must(err)
		for _, r := range rs {
			b.must(r.Err)
		}
	}
	if got := b.clock.Now().Sub(start); got != 40*time.Minute {
		t.Errorf("500 creates at 100 in ten minutes took %s, want 40 minutes", got)
	}
	if n := b.sb.Faults().Total(); n != 25 {
		t.Errorf("%d calls for 25 batches: some were throttled", n)
	}
}

func TestTheFifthRequestAtATime(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	b.must(b.sb.SetLimits(graphbox.Limits{Concurrent: 3})) // somebody else of ours is at work
	var ws []connector.Write
	for i := range 20 {
		ws = append(ws, create(named(fmt.Sprint("P", i)).Fields))
	}
	rs, err := b.connector().Apply(ctx, ws)
	b.must(err)
	ids := map[string]bool{}
	for _, r := range rs {
		b.must(r.Err)
		ids[r.ID] = true
	}
	page, _, err := b.sb.Contacts(user, "", 100)
	if err != nil || len(ids) != 20 || len(page) != 20 {
		t.Errorf("%d ids, %d contacts, %v; want 20 of each", len(ids), len(page), err)
	}
}

func TestAPartThatIsCutOff(t *testing.T) {
	b := newBox(t, nil, graphbox.User{})
	b.sb.PartFaults().Add(sandbox.Fault{Method: "POST", Path: "/contacts", AfterWrite: true, Status: 500})
	rs, err := b.connector().Apply(ctx, []connector.Write{create(named("A").Fields), create(named("B").Fields)})
	b.must(err)
	unknown := 0
	for _, r := range rs {
		if errors.Is(r.Err, connector.ErrOutcomeUnknown) {
			unknown++
		} else {
			b.must(r.Err)
		}
	}
	if page, _, err := b.sb.Contacts(user, "", 100); err != nil || len(page) != 2 || unknown != 1 {
		t.Errorf("%d contacts and %d unknown outcomes, %v; want 2 and 1", len(page), unknown, err)
	}
}

func TestLostAuthorisationSaysWhatToDo(t *testing.T) {
	for challenge, want := range map[string]string{
		`Bearer realm=""`: "reconnect the Microsoft account in Meibo",
		`Bearer realm="", error="insufficient_claims", claims="eyJ9"`: "additional step",
	} {
		s := newServer(t, map[string]func(part) reply{deltaF: func(part) reply {
			return reply{401, map[string]string{"WWW-Authenticate": challenge}, `{"error":{"code":"InvalidAuthenticationToken","message":""}}`}
		}})
		_, err := s.connector().Changes(ctx, scopeF, "")
		var lost *connector.AuthLostError
		if !errors.As(err, &lost) || !strings.Contains(lost.Cure, want) || len(s.log) != 1 {
			t.Errorf("%s: got error %v after %d requests, want one and the cure %q", challenge, err, len(s.log), want)
		}
	}
}
