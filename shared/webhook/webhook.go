// Package webhook receives what vendors push (SPEC section 9, rules 2 and 3).
//
// A notification is a hint and never data: what is proven genuine leaves ids and kinds of event in the connection's inbox and asks
// for a run, and no value of it is used. What is not proven changes nothing and is not stored. No vendor is called here, so that
// an answer takes a read and two writes of the table, well within the shortest time that a vendor allows.
//
// Which vendors there are, and how their notifications look, comes in as Config.Readers.
package webhook

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/watch"
)

// Watches finds watches; *watch.Service is one.
type Watches interface {
	// Find returns the watch with an id, or watch.ErrNotFound.
	Find(ctx context.Context, id string) (watch.Watch, error)
	// Wake has a watch looked at as soon as possible.
	Wake(ctx context.Context, id string) error
	// Shared hands each the watches that a system's notices for everybody concern, by the subscription that they name, in portions.
	Shared(ctx context.Context, system, subscription string, each func([]watch.Watch) error) error
}

// Config is what the handler works with. All but Shared, Secret, Lenient and Log are needed; Secret is if there is a Shared.
type Config struct {
	Watches Watches
	// Post puts proven notices into a connection's inbox; *state.Repo has it.
	Post func(ctx context.Context, tenant, conn string, side profile.Side, notices []connector.Notice) (state.Posted, error)
	// Ask asks for a run that begins at or soon after at.
	Ask func(ctx context.Context, ask state.Ask, at time.Time) error
	// Readers are the systems that push, by id.
	Readers map[string]connector.HookReader
	// Shared are the systems that tell of all their accounts at one address, by id, and Secret is the one of Meibo's registration at a
	// system, which their notices are proven with.
	Shared map[string]connector.SharedHookReader
	Secret func(ctx context.Context, system string) (string, error)
	// URL is Prefix as the vendors reach it, without a trailing slash, such as "https://sync.example.com/hooks": what they sign.
	URL string
	// Lenient are the systems that want 202 for what is not proven as well, and take any other answer for an outage.
	Lenient map[string]bool
	Clock   clock.Clock
	Log     *slog.Logger // nil means none
}

// Prefix is where the handler's paths begin: Prefix + "{system}/{watch}", and Prefix + "{system}" for a system that tells of all its
// accounts at one address.
const Prefix = "/hooks/"

// The bounds of a delivery. One that is older than staleAfter tells nothing that polling has not found since, and no vendor retries
// for so long; one from further ahead than earlyBy has a clock that cannot be believed.
const (
	bodyMost    = 256 << 10
	echoMost    = 4096
	noticesMost = 2000
	idsMost     = 1000 // of one notice; more are not kept anyway
	staleAfter  = 24 * time.Hour
	earlyBy     = time.Hour
)

type handler struct{ cfg Config }

// New returns the handler of POST /hooks/{system}/{watch}, and of GET, which some vendors try an address with:
//
//	200  the vendor's handshake, echoed as plain text, or an empty probe of the address
//	202  taken, or ignored: stale, or come before
//	400  no notification of that system
//	403  not proven genuine (202 for a lenient system)
//	404  no such system or watch
//	413  larger than 256 KB
//	503  could not be stored; the vendor should send it again
//
// and of POST /hooks/{system}, with the same answers: there a notice that concerns nobody is taken and forgotten, so that the vendor does
// not learn who is connected.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h := &handler{c}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Prefix+"{system}/{watch}", h.receive)
	mux.HandleFunc("GET "+Prefix+"{system}/{watch}", h.probe)
	mux.HandleFunc("POST "+Prefix+"{system}", h.receiveShared)
	return mux
}

// probe answers a vendor that only wants to see that the address answers. It says nothing of whether there is such a watch.
func (h *handler) probe(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if h.cfg.Readers[r.PathValue("system")] == nil || !watch.ValidID(r.PathValue("watch")) {
		w.WriteHeader(http.StatusNotFound)
	}
}

func (h *handler) receive(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-store")
	system, id := r.PathValue("system"), r.PathValue("watch")
	read := h.cfg.Readers[system]
	if read == nil || !watch.ValidID(id) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	body, status := readBody(w, r)
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	found, err := h.cfg.Watches.Find(r.Context(), id)
	if err == nil && (found.System != system || found.State == watch.Removing) {
		err = watch.ErrNotFound
	}
	if errors.Is(err, watch.ErrNotFound) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if err != nil {
		h.cfg.Log.Error("a watch was not read", "system", system, "watch", id, "error", err.Error())
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	said, err := read(h.delivery(r, body))
	switch {
	case err == nil && said.Echo != "":
		echo(w, said.Echo)
	case err == nil:
		w.WriteHeader(h.take(r.Context(), found, said.Notices))
	case len(body) == 0:
		w.WriteHeader(http.StatusOK) // some vendors try an address with an empty request
	default:
		w.WriteHeader(h.refusal(found, http.StatusBadRequest))
	}
}

// readBody returns the body of a request, or the status to answer with.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, status int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMost))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		return nil, http.StatusBadRequest
	}
	return body, 0
}

func (h *handler) delivery(r *http.Request, body []byte) connector.Delivery {
	at := h.cfg.URL + strings.TrimPrefix(r.URL.EscapedPath(), strings.TrimSuffix(Prefix, "/"))
	if r.URL.RawQuery != "" {
		at += "?" + r.URL.RawQuery
	}
	return connector.Delivery{Method: r.Method, URL: at, Header: r.Header, Query: r.URL.Query(), Body: body}
}

// echo answers a handshake. What would need escaping is in no vendor's text, and is refused.
func echo(w http.ResponseWriter, text string) {
	if len(text) > echoMost || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == '<' || c == '>' || c == '\x7f' || c == '\uFFFD' }) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, text) // a vendor that went away asks again
}

// refusal is the status for what changes nothing. A vendor that tries the address while it is being asked to subscribe must not
// take it for a dead one, whatever it sends.
func (h *handler) refusal(w watch.Watch, status int) int {
	if h.cfg.Lenient[w.System] || w.State == watch.Making {
		return http.StatusAccepted
	}
	return status
}

// take deals with the notices of one delivery and returns the status to answer with.
func (h *handler) take(ctx context.Context, w watch.Watch, notices []connector.Notice) int {
	now := h.cfg.Clock.Now()
	log := h.cfg.Log.With("tenant", w.Tenant, "connection", w.Connection, "system", w.System, "watch", w.ID)
	if len(notices) > noticesMost {
		return h.refusal(w, http.StatusBadRequest)
	}
	var genuinely []connector.Notice
	for _, n := range notices {
		if genuine(w, n) {
			genuinely = append(genuinely, n)
		}
	}
	if len(genuinely) == 0 {
		log.Warn("a notification was not proven genuine", "notices", len(notices))
		return h.refusal(w, http.StatusForbidden)
	}
	keep, wake := sorted(genuinely, now)
	if err := h.deliver(ctx, w, keep, wake); err != nil {
		log.Error("a notification was not taken", "error", err.Error())
		return http.StatusServiceUnavailable
	}
	return http.StatusAccepted
}

// sorted returns the notices that are worth keeping at a time, and whether the watch itself is to be looked at.
func sorted(notices []connector.Notice, now time.Time) (keep []connector.Notice, wake bool) {
	for _, n := range notices {
		if !n.At.IsZero() && (now.Sub(n.At) > staleAfter || n.At.Sub(now) > earlyBy) {
			continue
		}
		switch n.Kind {
		case connector.NoticeRenew:
			wake = true
			continue
		case connector.NoticeHello:
			continue
		case connector.NoticeRemoved, connector.NoticeMissed:
			wake = true
		}
		if len(n.IDs) > idsMost {
			n.IDs, n.Kind = nil, connector.NoticeMissed
		}
		keep = append(keep, n)
	}
	return keep, wake
}

// genuine reports whether a notice proves itself. Until the vendor's answer to the subscription is stored, its id is not known, and
// the secret alone is proof.
func genuine(w watch.Watch, n connector.Notice) bool {
	proof := w.Proves(n.Proof)
	known := n.Subscription == "" || w.Subscription.ID == "" || n.Subscription == w.Subscription.ID
	return proof && known && n.Proof != ""
}

// deliver leaves the notices, and asks for a run where none is on its way that will see them.
func (h *handler) deliver(ctx context.Context, w watch.Watch, notices []connector.Notice, wake bool) error {
	if wake {
		if err := h.cfg.Watches.Wake(ctx, w.ID); err != nil {
			return err
		}
	}
	if len(notices) == 0 {
		return nil
	}
	done, err := h.cfg.Post(ctx, w.Tenant, w.Connection, w.Side, notices)
	if err != nil || done.Ask.IsZero() {
		return err
	}
	// A run that begins after this moment sees what was posted, and answers the ask.
	ask := state.Ask{Tenant: w.Tenant, Connection: w.Connection, Reason: state.ReasonHook, Asked: h.cfg.Clock.Now()}
	return h.cfg.Ask(ctx, ask, done.Ask)
}
