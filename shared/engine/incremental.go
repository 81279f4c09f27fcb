package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/state"
)

// heldRecords bounds what an incremental run keeps in memory of one side. What comes after is only counted, and read again once
// the first part is done.
const heldRecords = 2000

// news is what changed on one side.
type news struct {
	items   []connector.Item
	at      map[string]int // place in items, by id
	deleted []connector.Deletion
	rekeyed []connector.Rekey
	// unproven are records said to be gone that reading by id did not prove to be.
	unproven []connector.Got
	listed   int
	// next is where the next listing starts: after all that is held here.
	next string
	more bool // there is more than is held
}

func (n *news) add(it connector.Item) {
	if n.at == nil {
		n.at = map[string]int{}
	}
	if i, seen := n.at[it.ID]; seen {
		if it.Scope == connector.ScopeUnknown {
			it.Scope = n.items[i].Scope
		}
		n.items[i] = it
		return
	}
	n.at[it.ID] = len(n.items)
	n.items = append(n.items, it)
}

func (n *news) empty() bool { return len(n.items)+len(n.deleted)+len(n.rekeyed) == 0 }

// held returns a record of side sd that this run already holds as it is now.
func (s *slice) held(sd *side, id string) *connector.Item {
	n := s.news[sd.i]
	if i, ok := n.at[id]; ok {
		return &n.items[i]
	}
	return nil
}

// incremental does a whole incremental run: what changed on both sides, and what an earlier run left to do.
func (s *slice) incremental(ctx context.Context) error {
	if s.rec.Step == state.StepFinish {
		return s.finish(ctx)
	}
	for i, sd := range s.sides {
		s.news[i] = &news{}
		err := s.delta(ctx, sd)
		if errors.Is(err, connector.ErrCursorExpired) {
			s.relist()
			return nil
		}
		if err != nil {
			return err
		}
	}
	if s.quiet() {
		s.rec.Step = state.StepFinish
		s.rec.Next = [2]string{s.news[0].next, s.news[1].next}
		return nil
	}
	if err := s.need(ctx, false); err != nil {
		return err
	}
	for _, sd := range s.sides {
		sd.index = s.sess.IndexWriter(sd.s, s.rec.Generation, &s.rec.Chunks[sd.i])
	}
	if err := s.loadIntents(ctx); err != nil {
		return err
	}
	if err := s.extra(ctx); err != nil {
		return err
	}
	for _, sd := range s.sides {
		if err := s.prove(ctx, sd); err != nil {
			return err
		}
	}
	if err := s.rekey(ctx); err != nil {
		return err
	}
	if err := s.matchNews(ctx); err != nil {
		return err
	}
	if err := s.weigh(ctx); err != nil {
		return err
	}
	return s.applyNews(ctx)
}

// relist turns the run into one with full listings, because a vendor dropped its cursor.
func (s *slice) relist() {
	s.rec.Kind, s.rec.Step = state.Relist, state.StepSurveyCRM
	s.rec.Generation, s.rec.Chunks = s.sess.Control.Generation+1, [2]int64{}
	s.rec.Cursors, s.rec.Emptied = [2]string{}, [2]int{}
	s.matches = nil
	s.news = [2]*news{{}, {}}
	s.linked, s.touched = map[string]bool{}, map[string]bool{}
	for i := range s.sides {
		s.forced[i], s.begun[i], s.overrides[i] = map[string]bool{}, map[string]bool{}, map[string]verdict{}
	}
}

// delta reads what changed on one side since its cursor.
func (s *slice) delta(ctx context.Context, sd *side) error {
	n := s.news[sd.i]
	n.next = s.rec.Cursors[sd.i]
	cursor := n.next
	for {
		page, err := sd.open.Connector.Changes(ctx, sd.scope, cursor)
		if err != nil {
			return sd.wrap(err)
		}
		if page.More && page.Next == cursor {
			return sd.wrap(connector.ErrTransient) // the vendor repeats itself
		}
		cursor = page.Next
		n.listed += len(page.Changed)
		if !n.more {
			for _, it := range page.Changed {
				n.add(it)
			}
			n.deleted = append(n.deleted, page.Deleted...)
			n.rekeyed = append(n.rekeyed, page.Rekeyed...)
			n.next = cursor
			n.more = page.More && len(n.items) >= heldRecords
		} else if err := s.countBeyond(ctx, sd, page); err != nil {
			return err
		}
		if !page.More || n.more && s.rec.Counted {
			break
		}
		if err := s.renew(ctx); err != nil {
			return err
		}
	}
	sd.work.Changed = append(sd.work.Changed, n.listed)
	return nil
}

// countBeyond counts the losses in a page that is not held, so that the budget is checked against the whole before the first
// write.
func (s *slice) countBeyond(ctx context.Context, sd *side, page connector.Page) error {
	if len(page.Deleted) == 0 {
		return nil
	}
	if err := s.need(ctx, false); err != nil {
		return err
	}
	far := &news{deleted: page.Deleted}
	if err := s.proveOf(ctx, sd, far); err != nil {
		return err
	}
	var gone []string
	for _, d := range far.deleted {
		gone = append(gone, d.ID)
	}
	links, err := s.linksOf(ctx, sd, gone)
	if err != nil {
		return err
	}
	o := s.other(sd)
	for _, l := range links {
		if full(l) && l.State == state.LinkActive && s.rules.Direction.Writes(o.s) && s.rules.Deletes.To(o.s) {
			s.beyond[o.i]++
		}
	}
	return nil
}

// prove reads by id the records that were said to be gone without proof: those of a folder's or view's tombstone, and those that
// the same listing also names as changed.
func (s *slice) prove(ctx context.Context, sd *side) error { return s.proveOf(ctx, sd, s.news[sd.i]) }

func (s *slice) proveOf(ctx context.Context, sd *side, n *news) error {
	var proven []connector.Deletion
	var ask []string
	seen := map[string]bool{}
	for _, d := range n.deleted {
		_, here := n.at[d.ID]
		switch {
		case seen[d.ID]:
			continue
		case d.Evidence == connector.EvidenceAccount && !here:
			proven = append(proven, d)
		default:
			ask = append(ask, d.ID)
		}
		seen[d.ID] = true
	}
	n.deleted = proven
	links, err := s.linksOf(ctx, sd, ask)
	if err != nil {
		return err
	}
	ask = slices.DeleteFunc(ask, func(id string) bool {
		_, linked := links[id]
		_, here := n.at[id]
		if !linked && !here {
			s.forget(sd, id)
		}
		return !linked // nobody's partner: there is nothing to prove
	})
	got, err := s.read(ctx, sd, ask)
	if err != nil {
		return err
	}
	for _, id := range ask {
		at, here := n.at[id]
		switch g := got[id]; {
		case g.Status == connector.StatusGone:
			n.deleted = append(n.deleted, connector.Deletion{ID: id})
			if here {
				n.drop(at)
			}
		case g.Status == connector.StatusFound && g.Item.ID != id:
			n.rekeyed = append(n.rekeyed, connector.Rekey{Old: id, New: g.Item.ID})
		case !here:
			n.unproven = append(n.unproven, g)
		}
	}
	return nil
}

// drop takes the item at place i out of the news.
func (n *news) drop(i int) {
	delete(n.at, n.items[i].ID)
	n.items = slices.Delete(n.items, i, i+1)
	for id, at := range n.at {
		if at > i {
			n.at[id] = at - 1
		}
	}
}

// quiet reports whether there is nothing to do.
func (s *slice) quiet() bool {
	c, now := &s.sess.Control, s.e.c.Clock.Now()
	if !s.news[0].empty() || !s.news[1].empty() || c.Intents > 0 || c.Held || s.rec.Decision != nil || !c.Again.IsZero() && !c.Again.After(now) {
		return false
	}
	for _, r := range c.Retry {
		if !r.At.After(now) {
			return false
		}
	}
	for i := range c.Sides {
		if s.membersDue(i) {
			return false
		}
	}
	return true
}

func (s *slice) membersDue(i int) bool {
	c := &s.sess.Control.Sides[i]
	return c.MembersEvery > 0 && len(s.sides[i].scope.Groups) > 0 && s.e.c.Clock.Now().Sub(c.Members) >= c.MembersEvery
}

// extra adds what is to be looked at although it did not change: retries that are due, what a cap held back, what a membership
// scan or a decision brings.
func (s *slice) extra(ctx context.Context) error {
	c := &s.sess.Control
	var want [2][]string
	for _, r := range c.Retry { // they stay there until what comes of them is durable
		if !r.At.After(s.due) {
			want[plan.Index(r.Side)] = append(want[plan.Index(r.Side)], r.ID)
		}
	}
	if c.Held {
		if err := s.heldBack(ctx, &want); err != nil {
			return err
		}
	}
	if err := s.lookAgain(ctx, &want); err != nil {
		return err
	}
	for i, sd := range s.sides {
		if s.membersDue(i) {
			entered, err := s.scanMembers(ctx, sd)
			if err != nil {
				return err
			}
			want[i] = append(want[i], entered...)
		}
	}
	if err := s.decided(ctx, &want); err != nil {
		return err
	}
	for i, sd := range s.sides {
		if err := s.fetch(ctx, sd, want[i]); err != nil {
			return err
		}
	}
	return nil
}

// fetch reads records by id and adds them to the news, as in scope.
func (s *slice) fetch(ctx context.Context, sd *side, want []string) error {
	want = slices.DeleteFunc(want, func(id string) bool {
		s.forced[sd.i][id] = true
		return s.held(sd, id) != nil
	})
	got, err := s.read(ctx, sd, want)
	if err != nil {
		return err
	}
	var missing []string
	for _, id := range want {
		switch g := got[id]; g.Status {
		case connector.StatusFound:
			if g.Item.ID != id { // it has another id by now
				s.news[sd.i].rekeyed = append(s.news[sd.i].rekeyed, connector.Rekey{Old: id, New: g.Item.ID})
			}
			s.news[sd.i].add(g.Item)
		case connector.StatusGone:
			s.news[sd.i].deleted = append(s.news[sd.i].deleted, connector.Deletion{ID: id, Evidence: connector.EvidenceAccount})
		default:
			missing = append(missing, id)
		}
	}
	links, err := s.linksOf(ctx, sd, want)
	if err != nil {
		return err
	}
	for id, l := range links {
		if full(l) {
			s.touched[l.CRM] = true
		}
		if full(l) && slices.Contains(missing, id) {
			if err := s.miss(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// heldBack adds records that a cap held back, as many as this run may take.
func (s *slice) heldBack(ctx context.Context, want *[2][]string) error {
	most := heldRecords
	if n := s.rules.Caps.Later; n > 0 {
		most = min(n, most)
	}
	s.moreHeld = false
	return s.sess.AllLinks(ctx, func(l state.Link) error {
		if l.Code != state.CodeCap {
			return nil
		}
		if len(want[0])+len(want[1]) >= most {
			s.moreHeld = true
			return nil
		}
		if l.CRM != "" {
			want[0] = append(want[0], l.CRM)
		} else {
			want[1] = append(want[1], l.Book)
		}
		return nil
	})
}

// lookAgain adds parked records whose reason may have passed, as many as one run holds.
func (s *slice) lookAgain(ctx context.Context, want *[2][]string) error {
	c := &s.sess.Control
	if c.Again.IsZero() || c.Again.After(s.due) {
		return nil
	}
	named := map[string]bool{}
	for _, r := range c.Retry {
		named[string(r.Side)+r.ID] = true
	}
	s.looked, s.nextLook = true, time.Time{}
	n := 0
	return s.sess.AllLinks(ctx, func(l state.Link) error {
		after, passes := parkedRetry[l.Code]
		i, id := 0, l.CRM
		if id == "" {
			i, id = 1, l.Book
		}
		if !passes || l.State == state.LinkDetached || named[string(bothSides[i])+id] {
			return nil
		}
		at := l.Since.Add(after)
		if at.After(s.due) || n >= heldRecords {
			s.nextLook = earlier(s.nextLook, at)
			return nil
		}
		n++
		want[i] = append(want[i], id)
		return nil
	})
}

// dealtWith forgets what this run looked at again: whatever failed once more has a later time by now.
func (s *slice) dealtWith() {
	c := &s.sess.Control
	c.Retry = slices.DeleteFunc(c.Retry, func(r state.Retry) bool { return !r.At.After(s.due) })
	if s.looked {
		c.Again = earlier(s.nextLook, s.lookAt)
	}
	c.Held = s.moreHeld || s.heldNow
	for i := range s.membered {
		if s.membered[i] {
			c.Sides[i].Members = s.scanned[i]
			s.moreMembers = s.moreMembers || s.scanned[i].IsZero()
		}
	}
	s.looked, s.moreHeld, s.heldNow, s.membered = false, false, false, [2]bool{}
}

// scanMembers lists the ids in the scope of a side whose change listing does not tell, parks the links that left, and returns the
// ids that came in.
func (s *slice) scanMembers(ctx context.Context, sd *side) ([]string, error) {
	scanner, ok := sd.open.Connector.(connector.MemberScanner)
	if !ok {
		return nil, nil
	}
	in := map[string]bool{}
	for cursor := ""; ; {
		ids, next, err := scanner.Members(ctx, sd.scope, cursor)
		if err != nil {
			return nil, sd.wrap(err)
		}
		for _, id := range ids {
			in[id] = true
		}
		if next == "" {
			break
		}
		if next == cursor {
			return nil, sd.wrap(connector.ErrTransient)
		}
		cursor = next
		if err := s.renew(ctx); err != nil {
			return nil, err
		}
	}
	var entered []string
	err := s.sess.AllLinks(ctx, func(l state.Link) error {
		id := idOf(&l, sd)
		if id == "" {
			return nil
		}
		is, left := in[id], outside(&l)
		delete(in, id)
		switch {
		case is && left[sd.i]:
			entered = append(entered, id)
		case is || l.State == state.LinkDetached:
		case !full(l):
			return s.release(ctx, sd, &l, id)
		case l.Made != sd.s && !left[sd.i]:
			left[sd.i] = true
			return s.leave(ctx, l, left)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !s.rules.Direction.Writes(s.other(sd).s) && len(in) > 0 {
		// They are only here to be found: those that are in the match index are.
		known, err := s.sess.Index(ctx, sd.s, s.rec.Generation, s.rec.Chunks[sd.i])
		if err != nil {
			return nil, err
		}
		for i := range known {
			if !known[i].Gone && !known[i].Out {
				delete(in, known[i].ID)
			}
		}
	}
	for id := range in {
		entered = append(entered, id)
	}
	slices.Sort(entered)
	s.scanned[sd.i], s.membered[sd.i] = s.e.c.Clock.Now(), true
	if len(entered) > heldRecords { // the others are found by the next scan, which comes at once
		entered, s.scanned[sd.i] = entered[:heldRecords], time.Time{}
	}
	for _, id := range entered {
		s.entered[sd.i][id] = true
	}
	return entered, nil
}

// rekey moves links to the new ids of their records: first those that the vendor names, then a new record that says who a
// vanished one said it was.
func (s *slice) rekey(ctx context.Context) error {
	for _, sd := range s.sides {
		n := s.news[sd.i]
		moves := n.rekeyed
		more, err := s.vanished(ctx, sd)
		if err != nil {
			return err
		}
		moves = append(moves, more...)
		if len(moves) == 0 {
			continue
		}
		var old []string
		for _, m := range moves {
			old = append(old, m.Old)
		}
		links, err := s.linksOf(ctx, sd, old)
		if err != nil {
			return err
		}
		var taken []string
		for _, m := range moves {
			taken = append(taken, m.New)
		}
		theirs, err := s.linksOf(ctx, sd, taken)
		if err != nil {
			return err
		}
		var want []string
		for _, m := range moves {
			l, ok := links[m.Old]
			if !ok || m.Old == m.New {
				continue
			}
			if t, has := theirs[m.New]; has && full(t) {
				// Merged into one that has its own partner: the absorbed record is gone.
				if !s.goneToo(sd, m.Old) {
					n.deleted = append(n.deleted, connector.Deletion{ID: m.Old, Evidence: connector.EvidenceAccount})
				}
				continue
			} else if has {
				if err := s.release(ctx, sd, &t, m.New); err != nil {
					return err
				}
				if err := s.out.saveLinks(ctx); err != nil {
					return err
				}
			}
			want = append(want, m.New)
			moved := l
			setID(&moved, sd, m.New)
			if err := s.out.link(ctx, state.LinkChange{Old: &l, New: &moved}); err != nil {
				return err
			}
			s.forget(sd, m.Old)
			n.deleted = slices.DeleteFunc(n.deleted, func(d connector.Deletion) bool { return d.ID == m.Old })
			s.forced[sd.i][m.New] = true
		}
		if err := s.out.saveLinks(ctx); err != nil {
			return err
		}
		if err := s.fetch(ctx, sd, want); err != nil {
			return err
		}
	}
	return nil
}

// vanished pairs records that were deleted with new ones of the same side that say the same, one to one: somebody deleted a
// person and made them again.
func (s *slice) vanished(ctx context.Context, sd *side) ([]connector.Rekey, error) {
	n := s.news[sd.i]
	if len(n.deleted) == 0 || len(n.items) == 0 {
		return nil, nil
	}
	links, err := s.linksOf(ctx, sd, ids(n.items))
	if err != nil {
		return nil, err
	}
	var fresh []plan.Keys
	for i := range n.items {
		if _, linked := links[n.items[i].ID]; !linked && n.items[i].Scope != connector.OutOfScope {
			k := s.identity(sd, &n.items[i])
			k.Mark, k.Own = 0, 0
			fresh = append(fresh, k)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	entries, err := s.sess.Index(ctx, sd.s, s.rec.Generation, s.rec.Chunks[sd.i])
	if err != nil {
		return nil, err
	}
	o := s.other(sd)
	var list []string
	for _, d := range n.deleted {
		list = append(list, d.ID)
	}
	was, err := s.linksOf(ctx, sd, list)
	if err != nil {
		return nil, err
	}
	var gone []plan.Keys
	for _, e := range entries {
		// Where the partner is gone too, by somebody's hand or by our own before a kill, the new record stands for itself.
		if l, linked := was[e.ID]; linked && full(l) && !e.Gone && !s.goneToo(o, idOf(&l, o)) {
			e.Keys.Mark, e.Keys.Own = 0, 0
			gone = append(gone, e.Keys)
		}
	}
	pairs, _ := plan.Match(gone, fresh)
	var partners []string
	for _, p := range pairs {
		l := was[gone[p.CRM].ID]
		partners = append(partners, idOf(&l, o))
	}
	theirs, err := s.read(ctx, o, partners) // their listing may be late
	if err != nil {
		return nil, err
	}
	var out []connector.Rekey
	for i, p := range pairs {
		if theirs[partners[i]].Status != connector.StatusFound {
			continue
		}
		out = append(out, connector.Rekey{Old: gone[p.CRM].ID, New: fresh[p.Book].ID})
	}
	return out, nil
}

// matchNews finds partners for new records among the other side's, old and new.
func (s *slice) matchNews(ctx context.Context) error {
	var lists [2][]state.Entry
	fresh := 0
	for i, sd := range s.sides {
		n := s.news[i]
		links, err := s.linksOf(ctx, sd, ids(n.items))
		if err != nil {
			return err
		}
		for j := range n.items {
			it := &n.items[j]
			l, has := links[it.ID]
			if has && (full(l) || l.State == state.LinkDetached || l.Code == state.CodeReview && !s.forced[i][it.ID]) {
				continue
			}
			var old *state.Link
			if has {
				old = &l
			}
			if !s.inScope(sd, it, old) {
				continue
			}
			lists[i] = append(lists[i], state.Entry{Keys: s.identity(sd, it)})
			fresh++
		}
	}
	if fresh == 0 && len(s.intents) == 0 && len(s.overrides[0])+len(s.overrides[1]) == 0 {
		s.matches = newMatches()
		return nil
	}
	full := lists
	for i := range s.sides {
		if len(lists[i]) == 0 {
			continue
		}
		more, err := s.related(ctx, s.sides[1-i], lists[i], lists[1-i])
		if err != nil {
			return err
		}
		full[1-i] = append(full[1-i], more...)
	}
	s.matches = s.matchLists(full)
	s.ownDoubts(lists)
	if err := s.takeOver(ctx); err != nil {
		return err
	}
	for i := range s.overrides {
		for id, v := range s.overrides[i] {
			s.matches.of[i][id] = v
		}
	}
	for i, sd := range s.sides {
		for _, e := range lists[i] {
			s.rememberKeys(sd, e.Keys)
		}
		var want []string
		for id := range s.forced[i] {
			if s.matches.of[i][id].kind != unseen && s.held(sd, id) == nil {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		if err := s.fetch(ctx, sd, want); err != nil {
			return err
		}
	}
	return nil
}

// ownDoubts puts doubts to records that this run handles: a new record that may be one which stood alone before is itself in doubt.
func (s *slice) ownDoubts(lists [2][]state.Entry) {
	var fresh [2]map[string]bool
	for i := range lists {
		fresh[i] = map[string]bool{}
		for j := range lists[i] {
			fresh[i][lists[i][j].ID] = true
		}
	}
	for i := range lists {
		of, theirs := s.matches.of[i], s.matches.of[1-i]
		for _, id := range slices.Sorted(maps.Keys(of)) {
			v := of[id]
			if v.kind != doubted || fresh[i][id] {
				continue
			}
			for _, c := range v.candidates {
				if fresh[1-i][c] && theirs[c].kind == candidate {
					theirs[c] = verdict{kind: doubted, candidates: []string{id}, code: v.code}
				}
			}
		}
	}
}

func (s *slice) rememberKeys(sd *side, k plan.Keys) {
	if sd.index != nil {
		k.Linked = false
		sd.index.Add(state.Entry{Keys: k})
	}
}

// related returns the records of side t in the match index that share a key with any of fresh and are not new themselves.
func (s *slice) related(ctx context.Context, t *side, fresh, own []state.Entry) ([]state.Entry, error) {
	entries, err := s.sess.Index(ctx, t.s, s.rec.Generation, s.rec.Chunks[t.i])
	if err != nil {
		return nil, err
	}
	keys := map[uint64]bool{}
	for i := range fresh {
		for _, d := range allKeys(&fresh[i].Keys) {
			keys[d] = true
		}
	}
	skip := map[string]bool{}
	for i := range own {
		skip[own[i].ID] = true
	}
	for _, d := range s.news[t.i].deleted {
		skip[d.ID] = true
	}
	var out []state.Entry
	var list []string
	for _, e := range entries {
		if e.Gone || skip[e.ID] || !slices.ContainsFunc(allKeys(&e.Keys), func(d uint64) bool { return keys[d] }) {
			continue
		}
		out = append(out, e)
		list = append(list, e.ID)
	}
	links, err := s.linksOf(ctx, t, list)
	if err != nil {
		return nil, err
	}
	for i := range out {
		l, has := links[out[i].ID]
		out[i].Linked = has && (full(l) || l.State == state.LinkDetached || l.Code == state.CodeReview || l.Code == state.CodeIgnored)
	}
	return out, nil
}

func allKeys(k *plan.Keys) []uint64 {
	out := append([]uint64{}, k.Emails...)
	out = append(out, k.Phones...)
	for _, d := range []uint64{k.Name, k.NameOrg, k.Mark, k.Own} {
		if d != 0 {
			out = append(out, d)
		}
	}
	return out
}
