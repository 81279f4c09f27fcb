package google

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	people "google.golang.org/api/people/v1"

	"meibo/shared/connector"
	"meibo/shared/connector/pace"
	"meibo/shared/record"
)

// job is one write on its way.
type job struct {
	connector.Write
	index   int            // of the write in Apply's argument
	person  *people.Person // what is sent
	mask    []string       // the members that this write changes
	alone   bool           // it has been refused in company, and goes again with its own mask only
	retried bool           // its etag has been renewed once
}

// applying is one Apply.
type applying struct {
	*Connector
	results []connector.Result
	sent    bool // a request went out
}

// Apply implements connector.Connector: creates, then updates, then deletes, each in calls as large as Google takes. Google refuses
// a batch as a whole; what it names as wrong is taken out and the rest is sent again, and a refusal that names nobody is split
// until it is about one record.
func (c *Connector) Apply(ctx context.Context, writes []connector.Write) ([]connector.Result, error) {
	a := &applying{Connector: c, results: make([]connector.Result, len(writes))}
	byOp := map[connector.Op][]*job{}
	for i, w := range writes {
		a.results[i].ID = w.ID
		byOp[w.Op] = append(byOp[w.Op], &job{Write: w, index: i})
	}
	var stop error
	for _, op := range []struct {
		name connector.Op
		size int
		do   func(context.Context, []*job) error
	}{{connector.Create, createSize, a.create}, {connector.Update, updateSize, a.update}, {connector.Delete, deleteSize, a.remove}} {
		for chunk := range slices.Chunk(byOp[op.name], op.size) {
			if stop != nil {
				a.fail(notSent(stop), chunk...)
			} else if err := op.do(ctx, chunk); err != nil && !errors.As(err, new(*connector.FullError)) {
				stop = err // a full account can still update and delete
			}
		}
		delete(byOp, op.name)
	}
	for _, rest := range byOp {
		a.fail(fmt.Errorf("%s: there is no such write", System), rest...)
	}
	if stop != nil && !a.sent {
		return nil, stop
	}
	return a.results, nil
}

// fail gives every job the same outcome.
func (a *applying) fail(err error, jobs ...*job) {
	for _, j := range jobs {
		a.results[j.index].Err = j.discreet(err)
	}
}

// discreet takes Google's words out of a refusal if they repeat a value of the contact.
func (j *job) discreet(err error) error {
	invalid, ok := errors.AsType[*connector.InvalidError](err)
	if !ok {
		return err
	}
	told := strings.ToLower(invalid.Reason)
	tells := func(text string) bool { return len(text) > 1 && strings.Contains(told, strings.ToLower(text)) }
	held := []record.Fields{j.Fields}
	if j.Current != nil {
		held = append(held, j.Current.Record.Fields)
	}
	for _, fields := range held {
		for _, vs := range fields {
			for _, v := range vs {
				if tells(v.Text) || slices.ContainsFunc(slices.Collect(maps.Values(v.Parts)), tells) {
					return &connector.InvalidError{System: invalid.System, Field: invalid.Field, Reason: plainReason}
				}
			}
		}
	}
	return err
}

// stored records what Google says a job led to.
func (a *applying) stored(j *job, p *people.Person) {
	it, ok := item(p, nil, a.customsOf(j))
	if !ok {
		a.fail(fmt.Errorf("%w: %s did not return the contact", connector.ErrOutcomeUnknown, System), j)
		return
	}
	it.Scope = connector.ScopeUnknown
	a.results[j.index] = connector.Result{ID: it.ID, Version: it.Version, Item: &it}
}

// customsOf are the custom fields that the record is known to have a say on.
func (a *applying) customsOf(j *job) []string {
	keys := slices.Collect(maps.Keys(j.Fields))
	if j.Current != nil {
		keys = slices.AppendSeq(keys, maps.Keys(j.Current.Record.Fields))
	}
	return a.customs(keys)
}

// call waits for quota and makes one writing call. What it returns is mapped; raw is what the client said.
func (a *applying) call(ctx context.Context, cost []pace.Cost, send func() error) (err, raw error) {
	if err := a.pace.Take(ctx, cost...); err != nil {
		return err, nil
	}
	a.sent = true
	if raw = send(); raw == nil {
		return nil, nil
	}
	return a.failure(ctx, raw, writing), raw
}

// inCompany sends jobs together and sorts out refusals. send returns nil when it has recorded an outcome for every job; name is the
// key of a job in contactErrors; again is told of a refused job and returns true if it wants to see to it itself.
func (a *applying) inCompany(ctx context.Context, jobs []*job, send func(context.Context, []*job) error,
	name func(i int, j *job) string, again func(j *job, err error, alone bool) bool) error {
	stack := [][]*job{jobs}
	for len(stack) > 0 {
		batch := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if len(batch) == 0 {
			continue
		}
		err, raw := a.call(ctx, costBatchWrite, func() error { return send(ctx, batch) })
		if err == nil {
			continue
		}
		if !aboutARecord(err) {
			a.fail(err, batch...)
			for _, rest := range stack {
				a.fail(notSent(err), rest...)
			}
			return err
		}
		envelope, _, _ := parseError(raw)
		named, rest := named(batch, envelope.contactErrors(), name)
		switch {
		case len(named) > 0:
			for _, n := range named {
				if !again(n.job, n.err, len(batch) == 1) {
					a.fail(n.err, n.job)
				}
			}
			stack = append(stack, rest)
		case len(batch) == 1:
			if !again(batch[0], err, true) {
				a.fail(err, batch[0])
			}
		default:
			half := len(batch) / 2
			stack = append(stack, batch[half:], batch[:half])
		}
	}
	return nil
}

// aboutARecord reports whether err is a refusal of what a batch holds, so that the rest of it may still go through.
func aboutARecord(err error) bool {
	var invalid *connector.InvalidError
	return errors.As(err, &invalid) || errors.Is(err, connector.ErrVersionConflict) || isNotFound(err)
}

// notSent is the outcome of a write that was still to be sent when another failed with err.
func notSent(err error) error {
	if errors.Is(err, connector.ErrOutcomeUnknown) {
		return fmt.Errorf("%w: not sent, because %s broke off before it", connector.ErrTransient, System)
	}
	return err
}

type refusal struct {
	job *job
	err error
}

// named splits a batch into the jobs that Google names as wrong and the others.
func named(batch []*job, errs map[string]rpcStatus, name func(int, *job) string) (bad []refusal, rest []*job) {
	for i, j := range batch {
		if s, ok := errs[name(i, j)]; ok {
			bad = append(bad, refusal{j, entryError(s)})
		} else {
			rest = append(rest, j)
		}
	}
	return bad, rest
}

func byIndex(i int, _ *job) string { return strconv.Itoa(i) }

func byName(_ int, j *job) string { return j.person.ResourceName }
