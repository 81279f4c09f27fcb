package httpapi

import (
	"context"
	"encoding/base64"
	"strconv"

	"meibo/shared/tenancy"
)

// Paging is how every list is asked for.
type Paging struct {
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many entries to return at most"`
	Page  string `query:"page" maxLength:"2048" doc:"next of the page before; empty for the first page"`
}

func (p Paging) request() tenancy.PageRequest {
	return tenancy.PageRequest{Limit: p.Limit, Token: p.Page}
}

// List is how every list is answered.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next" doc:"The page parameter of the next page; empty after the last. A page may hold fewer entries than asked for, or none, and still have a next."`
}

// listOf returns a page as an answer. Its items are never null.
func listOf[T, V any](items []T, next string, view func(T) V) *Answer[List[V]] {
	l := List[V]{Items: make([]V, 0, len(items)), Next: next}
	for _, it := range items {
		l.Items = append(l.Items, view(it))
	}
	return ok(l)
}

// slicePage pages through a list that is had whole. Its token is the place to go on from.
func slicePage[T any](ctx context.Context, all []T, p Paging) ([]T, string, error) {
	from := 0
	if p.Page != "" {
		n, err := strconv.Atoi(p.Page)
		if err != nil || n < 0 {
			return nil, "", field(ctx, "query.page", badPage)
		}
		from = min(n, len(all))
	}
	to := min(from+p.Limit, len(all))
	next := ""
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to], next, nil
}

// statePage calls list with the page that was asked for. The tokens of a connection's state are sort keys, which may hold
// anything; they travel as base64.
func statePage[T, V any](ctx context.Context, p Paging, view func(T) V, list func(limit int, after string) ([]T, string, error)) (*Answer[List[V]], error) {
	after, err := base64.RawURLEncoding.DecodeString(p.Page)
	if err != nil {
		return nil, field(ctx, "query.page", badPage)
	}
	items, next, err := list(p.Limit, string(after))
	if err != nil {
		return nil, pageError(ctx, err)
	}
	return listOf(items, base64.RawURLEncoding.EncodeToString([]byte(next)), view), nil
}

// How far a list looks for what comes after a page: lookAhead items at a time, and no more than lookAheads times, so that a request
// stays short however much a filter leaves out.
const (
	lookAhead  = 1000
	lookAheads = 20
)

// ahead is a page of a list whose pages may be empty before its end, with a look beyond it: after the last item there is no next
// page. It gives up on that only where very much is left out.
func ahead[T any](limit int, after string, list func(limit int, after string) ([]T, string, error)) ([]T, string, error) {
	out, next, err := list(limit, after)
	size := 1 // mostly there is one right behind
	for n := 0; err == nil && next != "" && n < lookAheads; n++ {
		more, then, err := list(size, next)
		if err != nil {
			return nil, "", err
		}
		if len(more) > 0 {
			break
		}
		next, size = then, lookAhead
	}
	return out, next, err
}
