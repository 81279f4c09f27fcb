package trial

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"meibo/shared/connector"
)

// runView is a run as the API shows it.
type runView struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	State     string `json:"state"`
	Message   string `json:"message"`
	CRM       counts `json:"crm"`
	Book      counts `json:"book"`
	Conflicts int    `json:"conflicts"`
	Review    int    `json:"review"`
	Skipped   []struct {
		Code  string `json:"code"`
		Count int    `json:"count"`
	} `json:"skipped"`
	Progress struct {
		Phase string `json:"phase"`
		Done  int    `json:"done"`
		Total int    `json:"total"`
	} `json:"progress"`
}

type counts struct {
	Created    int `json:"created"`
	Updated    int `json:"updated"`
	Deleted    int `json:"deleted"`
	Calls      int `json:"calls"`
	FloorCalls int `json:"floor_calls"`
}

func (s *Side) add(c counts) {
	s.Created += c.Created
	s.Updated += c.Updated
	s.Deleted += c.Deleted
	s.Calls += c.Calls
	s.Floor += c.FloorCalls
}

// runs lists the runs that no earlier step had, newest first.
func (t *trial) runs(ctx context.Context) ([]runView, error) {
	var out []runView
	for page := ""; ; {
		var list struct {
			Items []runView `json:"items"`
			Next  string    `json:"next"`
		}
		if err := t.api.do(ctx, http.MethodGet, t.path+"/runs?limit=100&page="+url.QueryEscape(page), nil, &list); err != nil {
			return nil, err
		}
		for _, r := range list.Items {
			if t.seen[r.ID] {
				return out, nil
			}
			out = append(out, r)
		}
		if list.Next == "" {
			return out, nil
		}
		page = list.Next
	}
}

// sum adds up the runs that this step brought about.
func (t *trial) sum(ctx context.Context, s *Step) error {
	list, err := t.runs(ctx)
	if err != nil {
		return err
	}
	for _, r := range list {
		t.seen[r.ID] = true
		if r.State != "done" {
			return fmt.Errorf("%s: a run ended as %s: %s", s.Name, r.State, r.Message)
		}
		s.Runs++
		s.CRM.add(r.CRM)
		s.Book.add(r.Book)
		work, err := t.stack.State.Work(ctx, t.tenant, t.conn, r.ID)
		if err != nil {
			return err
		}
		for i := range work {
			addWork(&s.work[i], work[i])
		}
		s.Conflicts += r.Conflicts
		s.Review += r.Review
		for _, k := range r.Skipped {
			s.Skipped += k.Count
			s.Reasons[k.Code] += k.Count
		}
	}
	s.FloorCalls = s.CRM.Floor + s.Book.Floor
	if s.Runs == 0 {
		return fmt.Errorf("%s: no run took place", s.Name)
	}
	return nil
}

func addWork(sum *connector.Work, w connector.Work) {
	sum.Listed, sum.Changed = append(sum.Listed, w.Listed...), append(sum.Changed, w.Changed...)
	sum.Read += w.Read
	sum.Created += w.Created
	sum.Updated += w.Updated
	sum.Deleted += w.Deleted
	sum.PhotosRead += w.PhotosRead
	sum.PhotosSet += w.PhotosSet
	sum.Provenance += w.Provenance
}

// watch reports the running run's progress until it is told to stop.
func (t *trial) watch(ctx context.Context, name string) func() {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if list, err := t.runs(ctx); err == nil && len(list) > 0 && list[0].State == "running" {
				p := list[0].Progress
				t.o.Report.Progress(name, p.Phase, p.Done, p.Total)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
