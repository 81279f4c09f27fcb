package zoho

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// outgoing is one write on its way: where its result goes, and what is sent.
type outgoing struct {
	index int // in writes and results
	op    connector.Op
	id    string
	data  map[string]any
	// from and until bound If-Unmodified-Since for an update: the version that it was planned on, and the time until which
	// that version is known to have stood.
	from, until time.Time
}

// batch is the writes of one Apply and their results.
type batch struct {
	c       *Connector
	cat     *catalogue
	results []connector.Result
	stop    error // what made it pointless to send anything more
}

// Apply sends writes: creates and updates 100 a call, deletes 50. Company names are resolved first. Zoho returns each record's
// id and new Modified_Time, but not the record: results have no Item.
func (c *Connector) Apply(ctx context.Context, writes []connector.Write) ([]connector.Result, error) {
	if len(writes) == 0 {
		return nil, nil
	}
	cat, err := c.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	company, refused, err := c.resolve(ctx, companyNames(writes))
	if err != nil {
		return nil, err
	}
	b := &batch{c: c, cat: cat, results: make([]connector.Result, len(writes))}
	byOp := map[connector.Op][]outgoing{}
	for i, w := range writes {
		b.results[i].ID = w.ID
		o, err := prepare(cat, i, w, company, refused)
		if err != nil {
			b.results[i].Err = err
			continue
		}
		byOp[w.Op] = append(byOp[w.Op], o)
	}
	for chunk := range slices.Chunk(byOp[connector.Create], maxWrite) {
		b.post(ctx, http.MethodPost, chunk, "")
	}
	for _, g := range guarded(byOp[connector.Update]) {
		b.update(ctx, g)
	}
	b.delete(ctx, byOp[connector.Delete])
	return b.results, nil
}

// prepare encodes one write.
func prepare(cat *catalogue, i int, w connector.Write, company map[string]string, refused map[string]error) (outgoing, error) {
	o := outgoing{index: i, op: w.Op, id: w.ID}
	if w.Op != connector.Create && !isID(w.ID) {
		return o, connector.ErrNotFound
	}
	if w.Op == connector.Delete {
		return o, nil
	}
	var err error
	if o.data, err = encode(cat, w); err != nil {
		return o, err
	}
	if _, given := w.Fields[record.OrgName]; given {
		if _, have := cat.byAPI[apiAccount]; !have {
			return o, unfit(record.OrgName, "is not a field of this account")
		}
		name := companyName(w)
		id := company[name]
		if kept := keptCompany(w); kept.ID != "" && kept.Name == name {
			id = kept.ID
		}
		switch {
		case name != "" && id == "" && refused[name] != nil:
			return o, refused[name]
		case name != "" && id == "":
			return o, unsure(false, "it neither found nor made the company")
		case name != "":
			o.data[apiAccount] = map[string]string{"id": id}
		case w.Op == connector.Update:
			o.data[apiAccount] = nil
		}
	}
	if w.Op == connector.Update {
		o.data["id"] = w.ID
		if w.Current != nil && w.Current.Version != "" {
			if o.from, err = time.Parse(time.RFC3339, w.Current.Version); err != nil {
				return o, connector.ErrVersionConflict
			}
			o.until = o.from
			if k, ok := w.Current.Raw.(raw); ok && k.unchanged.After(o.from) {
				o.until = k.unchanged
			}
		}
	}
	return o, nil
}

// guarded splits updates into calls. One call has one If-Unmodified-Since for all its records, so it may only hold records for
// which one time is right: not before any version, and not after the time until which any of them is known to be unchanged.
// Records that were read together share such a time, so that they travel in one call.
func guarded(updates []outgoing) [][]outgoing {
	order := slices.Clone(updates)
	slices.SortStableFunc(order, func(a, b outgoing) int { return a.until.Compare(b.until) })
	var out [][]outgoing
	var limit time.Time
	for _, o := range order {
		if n := len(out); n == 0 || len(out[n-1]) == maxWrite || o.from.After(limit) || o.from.IsZero() != out[n-1][0].from.IsZero() {
			out, limit = append(out, nil), o.until
		}
		out[len(out)-1] = append(out[len(out)-1], o)
	}
	return out
}

// guard is the newest version among updates that were made to go together.
func guard(updates []outgoing) string {
	var newest time.Time
	for _, o := range updates {
		if o.from.After(newest) {
			newest = o.from
		}
	}
	if newest.IsZero() {
		return ""
	}
	return stamp(newest)
}

// update sends updates that share a guard. Zoho refuses the whole call if one record has changed, and names one: that one is
// in conflict, and the others are sent again.
func (b *batch) update(ctx context.Context, updates []outgoing) {
	for len(updates) > 0 {
		named := b.post(ctx, http.MethodPut, updates, guard(updates))
		if named == "" {
			return
		}
		rest := slices.DeleteFunc(slices.Clone(updates), func(o outgoing) bool { return o.id == named })
		if len(rest) == len(updates) {
			b.bisect(ctx, http.MethodPut, updates, connector.ErrVersionConflict)
			return
		}
		b.fail(slices.DeleteFunc(slices.Clone(updates), func(o outgoing) bool { return o.id != named }), connector.ErrVersionConflict)
		updates = rest
	}
}

// post sends one call of creates or updates and files its results. conflict is the id that a refused guard names, "?" if it
// names none; in that case nothing is filed yet.
func (b *batch) post(ctx context.Context, method string, list []outgoing, since string) (conflict string) {
	if len(list) == 0 {
		return ""
	}
	body := map[string]any{}
	data := make([]map[string]any, len(list))
	for i, o := range list {
		data[i] = o.data
	}
	body["data"] = data
	if !b.c.trigger {
		body["trigger"] = []string{} // none: left out, all automation would run
	}
	r := request{method: method, path: "/Contacts", body: body, write: true}
	if since != "" {
		r.header = map[string]string{"If-Unmodified-Since": since}
	}
	a, err := b.send(ctx, r)
	switch {
	case err != nil:
		b.fail(list, err)
	case a.status == http.StatusPreconditionFailed:
		if e, ok := wholeError(a.body); ok && e.Details.ID != "" {
			return e.Details.ID
		}
		return "?"
	case a.status == http.StatusRequestEntityTooLarge:
		b.bisect(ctx, method, list, statusError(a.status, a.body, true))
	default:
		b.file(ctx, method, list, a)
	}
	return ""
}

// send makes one call, unless an earlier one was answered in a way that holds for the rest too.
func (b *batch) send(ctx context.Context, r request) (*answer, error) {
	if b.stop != nil {
		return nil, b.stop
	}
	a, err := b.c.call(ctx, r)
	var throttled *connector.ThrottledError
	var lost *connector.AuthLostError
	if errors.As(err, &throttled) || errors.As(err, &lost) {
		b.stop = err
	}
	return a, err
}

// file reads a write's answer: one element a record, in order, or one error for the whole call.
func (b *batch) file(ctx context.Context, method string, list []outgoing, a *answer) {
	var body struct {
		Code string        `json:"code"`
		Data []vendorError `json:"data"`
	}
	if json.Unmarshal(a.body, &body) != nil {
		b.fail(list, unsure(true, "it sent an answer that is not what its documents describe"))
		return
	}
	if len(body.Data) == len(list) {
		for i, o := range list {
			b.one(o, body.Data[i])
		}
		return
	}
	e, whole := wholeError(a.body)
	if a.status != http.StatusBadRequest || !whole {
		b.fail(list, unsure(true, "it did not say what became of each record"))
		return
	}
	err := statusError(a.status, a.body, true)
	if i := e.Details.recordIndex(); i >= 0 && i < len(list) {
		b.results[list[i].index].Err = recordError(e, list[i].op, b.cat)
		rest := append(slices.Clone(list[:i]), list[i+1:]...)
		b.again(ctx, method, rest)
		return
	}
	var bad *connector.InvalidError
	if !errors.As(err, &bad) {
		b.fail(list, err)
		return
	}
	b.bisect(ctx, method, list, err)
}

// one files the result of one record.
func (b *batch) one(o outgoing, e vendorError) {
	res := &b.results[o.index]
	if e.Status != "success" && e.Code != "SUCCESS" {
		res.Err = recordError(e, o.op, b.cat)
		if fieldName(e.Details) == apiAccount {
			b.c.companies = nil // what is remembered of companies is no longer right
		}
		return
	}
	if e.Details.ID == "" || o.id != "" && e.Details.ID != o.id {
		res.Err = unsure(true, "it did not say which record it wrote")
		return
	}
	res.ID, res.Version = e.Details.ID, e.Details.ModifiedTime
}

// bisect sends the halves of a call that was refused as a whole, down to the record that is to blame; why is what is filed for it.
func (b *batch) bisect(ctx context.Context, method string, list []outgoing, why error) {
	if len(list) == 1 {
		b.fail(list, why)
		return
	}
	b.again(ctx, method, list[:len(list)/2])
	b.again(ctx, method, list[len(list)/2:])
}

func (b *batch) again(ctx context.Context, method string, list []outgoing) {
	if method == http.MethodPut {
		b.update(ctx, list)
		return
	}
	b.post(ctx, method, list, "")
}

func (b *batch) fail(list []outgoing, err error) {
	for _, o := range list {
		b.results[o.index].Err = err
	}
}

// delete sends deletes by id.
func (b *batch) delete(ctx context.Context, list []outgoing) {
	ids := make([]string, len(list))
	for i, o := range list {
		ids[i] = o.id
	}
	for _, some := range idBatches(ids) {
		b.deleteSome(ctx, list[:len(some)])
		list = list[len(some):]
	}
}

func (b *batch) deleteSome(ctx context.Context, list []outgoing) {
	ids := make([]string, len(list))
	for i, o := range list {
		ids[i] = o.id
	}
	a, err := b.send(ctx, request{
		method: http.MethodDelete, path: "/Contacts", query: url.Values{"ids": {strings.Join(ids, ",")}}, write: true,
	})
	if err != nil {
		b.fail(list, err)
		return
	}
	var body struct {
		Data []vendorError `json:"data"`
	}
	bad := json.Unmarshal(a.body, &body) != nil
	switch {
	case !bad && len(body.Data) == len(list):
		for i, o := range list {
			b.one(o, body.Data[i])
		}
	case a.status != http.StatusBadRequest || bad:
		b.fail(list, unsure(true, "it did not say what became of each record"))
	case len(list) == 1:
		b.fail(list, statusError(a.status, a.body, true))
	default:
		// The call was refused as a whole, for an id that is not there: delete the halves.
		b.deleteSome(ctx, list[:len(list)/2])
		b.deleteSome(ctx, list[len(list)/2:])
	}
}
