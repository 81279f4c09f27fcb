package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/oauth"
	"meibo/shared/tenancy"
)

// Finisher finishes a consent flow; *oauth.Flow is one.
type Finisher interface {
	Finish(ctx context.Context, callback url.Values) (oauth.Outcome, error)
}

// ConsentConfig is what the consent callbacks work with. All fields are needed.
type ConsentConfig struct {
	// Flows has the flow of each system. A callback that arrives at another system's address finds nothing to finish.
	Flows map[string]Finisher
	// Connected is told of a finished consent. Its error, if any, is shown to the person.
	Connected func(ctx context.Context, o oauth.Outcome) error
	// PublicURL is the origin of this installation; people are sent back to addresses of it only.
	PublicURL string
	Log       *slog.Logger
	// NewID numbers incidents.
	NewID func() string
}

// Consent answers GET /consent/{system}/callback, where vendors send browsers after a person has decided. It has no sign-in: the
// proof is the one-time state that the flow gave out. It shows a plain page, or sends the browser back to where it came from.
type Consent struct {
	ConsentConfig
	mux *http.ServeMux
}

// NewConsent returns the handler.
func NewConsent(c ConsentConfig) *Consent {
	h := &Consent{ConsentConfig: c, mux: http.NewServeMux()}
	h.PublicURL = strings.TrimRight(h.PublicURL, "/")
	h.mux.HandleFunc("GET /consent/{system}/callback", h.callback)
	return h
}

// CallbackPath is the path of a system's callback, under the installation's origin.
func CallbackPath(system string) string { return "/consent/" + system + "/callback" }

// ServeHTTP answers one request.
func (h *Consent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(withLang(r.Context(), Language(r.Header.Get("Accept-Language"))))
	head := w.Header()
	head.Set("Content-Security-Policy", pagePolicy)
	head.Set("Referrer-Policy", "no-referrer") // the address holds the vendor's code
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-store")
	head.Set("Vary", "Accept-Language")
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			h.failed(w, r, "", oauth.Outcome{}, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	if _, pattern := h.mux.Handler(r); pattern == "" {
		h.page(w, r, http.StatusNotFound, page{Title: noRoute.title, What: noRoute.detail})
		return
	}
	h.mux.ServeHTTP(w, r)
}

func (h *Consent) callback(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	id := r.PathValue("system")
	flow, known := h.Flows[id]
	if !known {
		h.page(w, r, http.StatusNotFound, page{Title: noRoute.title, What: noRoute.detail})
		return
	}
	o, err := flow.Finish(ctx, r.URL.Query())
	if err == nil {
		err = h.Connected(ctx, o)
	}
	if err != nil {
		h.failed(w, r, id, o, err)
		return
	}
	h.Log.Info("account connected", "tenant", o.Tenant, "account", o.Account, "system", o.System)
	if o.Return != "" {
		http.Redirect(w, r, h.back(o), http.StatusSeeOther)
		return
	}
	h.page(w, r, http.StatusOK, page{
		Title: text{"The account is connected", "アカウントを接続しました"},
		What:  text{"Meibo may now use the account %s.", "Meiboがアカウント %s を利用できるようになりました。"}, WhatArgs: []any{o.Identity.Email},
		Cure: text{"You can close this window and go on in Meibo.", "このウィンドウを閉じて、Meiboの操作を続けてください。"},
	})
}

// back is where the browser came from, an address of this installation: the flow takes no other, and it is put under PublicURL.
func (h *Consent) back(o oauth.Outcome) string {
	if o.Return == "" {
		return ""
	}
	return h.PublicURL + o.Return
}

// failed says what happened and what to do, and nothing of what the vendor sent.
func (h *Consent) failed(w http.ResponseWriter, r *http.Request, system string, o oauth.Outcome, err error) {
	lang := langOf(r.Context())
	p := page{Title: text{"The account was not connected", "アカウントは接続されませんでした"}, Back: h.back(o)}
	status := http.StatusConflict
	var (
		consent *oauth.RefusedError
		refusal *tenancy.Refusal
		clash   *tenancy.Conflict
		forbids *connector.ForbiddenError
	)
	switch {
	case errors.As(err, &consent):
		status = http.StatusBadRequest
		p.What = text{sentence(consent.Reason), sentence(consentText("ja", consent))}
		p.Cure = text{en: sentence(consent.Cure)}
	case errors.As(err, &refusal):
		p.What = text{sentence(refusal.Reason), sentence(phrase("ja", refusal.Reason))}
		p.Cure = text{sentence(refusal.Cure), sentence(phrase("ja", refusal.Cure))}
	case errors.Is(err, tenancy.ErrNotFound):
		p.What = text{"You are no longer a member, or the account to reconnect has been removed.", "メンバーではなくなったか、再接続するアカウントが削除されています。"}
		p.Cure = text{"Go back to Meibo and connect the account again.", "Meiboに戻って、アカウントを接続し直してください。"}
	case errors.As(err, &clash):
		p.What, p.Cure = conflict.title, text{"Connect the account again.", "もう一度接続してください。"}
	case errors.As(err, &forbids):
		status = http.StatusForbidden
		p.What = text{sentence(forbids.Error()), "接続先でこのアカウントの利用が許可されていません。"}
		p.Cure = text{ja: systemForbidden.cure.ja}
	case errors.Is(err, connector.ErrMisconfigured), errors.Is(err, oauth.ErrClient):
		status = http.StatusServiceUnavailable
		p.What, p.Cure = systemConfig.detail, systemConfig.cure
		h.Log.Error("a system is not set up", "system", system, "error", err.Error())
	case errors.Is(err, connector.ErrTransient):
		status = http.StatusServiceUnavailable
		p.What = systemBusy.detail
		p.Cure = text{"Connect the account again in a few minutes.", "数分後に、もう一度接続してください。"}
		h.Log.Warn("a consent was not finished", "system", system, "error", err.Error())
	default:
		status = http.StatusInternalServerError
		number := h.NewID()
		h.Log.Error("internal error", "incident", number, "system", system, "error", err.Error())
		p.What = internal.detail
		p.Cure = text{"Connect the account again; if it fails again, give the operator this number: %s", "もう一度接続してください。続く場合は、次の番号を運用担当者に伝えてください: %s"}
		p.CureArgs = []any{number}
	}
	if status < http.StatusInternalServerError {
		h.Log.Info("consent refused", "system", system, "tenant", o.Tenant, "lang", lang, "status", status)
	}
	h.page(w, r, status, p)
}
