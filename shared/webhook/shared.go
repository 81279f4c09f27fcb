package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"meibo/shared/connector"
	"meibo/shared/watch"
)

// sharedWorkers is how many connections are told at once of what concerns an organisation: a vendor waits for seconds only.
const sharedWorkers = 16

// receiveShared takes what a system sends to the one address for all its accounts.
func (h *handler) receiveShared(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-store")
	system := r.PathValue("system")
	read := h.cfg.Shared[system]
	if read == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	body, status := readBody(w, r)
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	log := h.cfg.Log.With("system", system)
	secret, err := h.cfg.Secret(r.Context(), system)
	if err == nil && secret == "" { // an empty one is known to everybody, and would prove anything
		err = errors.New("it has no secret")
	}
	if err != nil {
		log.Error("Meibo's registration at a system was not read, so that its notifications cannot be proven", "error", err.Error())
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	said, err := read(h.delivery(r, body), secret, h.cfg.Clock.Now())
	switch {
	case errors.Is(err, connector.ErrForged):
		log.Warn("a notification was not proven genuine")
		w.WriteHeader(http.StatusForbidden)
	case err != nil, len(said.Notices) > noticesMost:
		w.WriteHeader(http.StatusBadRequest)
	case said.Echo != "":
		echo(w, said.Echo)
	default:
		w.WriteHeader(h.share(r.Context(), system, said.Notices))
	}
}

// share tells every connection that a delivery concerns, and returns the status to answer with. What failed for one connection comes
// again for all; those that have it already recognise it.
func (h *handler) share(ctx context.Context, system string, notices []connector.Notice) int {
	keep, _ := sorted(notices, h.cfg.Clock.Now())
	about := map[string][]connector.Notice{}
	var order []string
	for _, n := range keep {
		if n.Subscription == "" {
			continue
		}
		if about[n.Subscription] == nil {
			order = append(order, n.Subscription)
		}
		about[n.Subscription] = append(about[n.Subscription], n)
	}
	status := http.StatusAccepted
	for _, subscription := range order {
		if err := h.shareOne(ctx, system, subscription, about[subscription]); err != nil {
			h.cfg.Log.Error("a notification was not taken", "system", system, "error", err.Error())
			status = http.StatusServiceUnavailable
		}
	}
	return status
}

// shareOne tells the connections that have a subscription, all of them, and returns the first error: one that can never be told must not
// keep the others waiting for ever.
func (h *handler) shareOne(ctx context.Context, system, subscription string, notices []connector.Notice) error {
	var failed error
	err := h.cfg.Watches.Shared(ctx, system, subscription, func(ws []watch.Watch) error {
		var g errgroup.Group
		g.SetLimit(sharedWorkers)
		for _, w := range ws {
			g.Go(func() error {
				if err := h.deliver(ctx, w, notices, false); err != nil {
					return fmt.Errorf("connection %s of tenant %s: %w", w.Connection, w.Tenant, err)
				}
				return nil
			})
		}
		if err := g.Wait(); failed == nil {
			failed = err
		}
		return ctx.Err()
	})
	if failed != nil {
		return failed
	}
	return err
}
