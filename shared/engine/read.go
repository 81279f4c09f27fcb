package engine

import (
	"context"

	"meibo/shared/connector"
	"meibo/shared/state"
)

// read reads records by id, in batches.
func (s *slice) read(ctx context.Context, sd *side, want []string) (map[string]connector.Got, error) {
	out := make(map[string]connector.Got, len(want))
	for len(want) > 0 {
		n := min(len(want), max(sd.desc.Batch.Get, 1))
		got, err := sd.open.Connector.Get(ctx, sd.scope.Fields, want[:n])
		if err != nil {
			return nil, sd.wrap(err)
		}
		sd.work.Read += n
		answered(out, want[:n], got)
		for _, g := range got {
			sd.heard(g.Err)
		}
		want = want[n:]
		if err := s.renew(ctx); err != nil {
			return nil, err
		}
	}
	return out, s.absorbed(ctx, sd, out)
}

// answered adds to out what a vendor said of the records that it was asked for. Of one that it says nothing of, nothing is known.
func answered(out map[string]connector.Got, asked []string, got []connector.Got) {
	said := make(map[string]connector.Got, len(got))
	for _, g := range got {
		said[g.ID] = g
	}
	for _, id := range asked {
		g, ok := said[id]
		if !ok || g.Status == connector.StatusFound && g.Item.ID == "" {
			g = connector.Got{ID: id, Status: connector.StatusFailed, Err: connector.ErrTransient}
		}
		out[id] = g
	}
}

// absorbed takes records for gone that the vendor has merged into one that is linked already: nobody can be in two links.
func (s *slice) absorbed(ctx context.Context, sd *side, got map[string]connector.Got) error {
	var into []string
	for _, g := range got {
		if g.Status == connector.StatusFound && g.Item.ID != g.ID {
			into = append(into, g.Item.ID)
		}
	}
	links, err := s.linksOf(ctx, sd, into)
	if err != nil {
		return err
	}
	for id, g := range got {
		if l, has := links[g.Item.ID]; has && g.Status == connector.StatusFound && g.Item.ID != id && full(l) {
			got[id] = connector.Got{ID: id, Status: connector.StatusGone}
			if s.rec.Kind == state.Incremental { // what became of it is the survivor's, who need not be among the changes
				s.news[sd.i].add(g.Item)
			}
		}
	}
	return nil
}
