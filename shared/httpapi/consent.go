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

// Flow is a consent flow; *oauth.Flow is one.
type Flow interface {
	Arrive(ctx context.Context, callback url.Values) (oauth.Outcome, string, error)
	Confirm(ctx context.Context, code string) (oauth.Outcome, error)
	Drop(ctx context.Context, code string) (oauth.Outcome, error)
}

// Asker is who started a consent, in words for the person who gave it.
type Asker struct {
	Company, Name, Email string
}

// ErrNotGenuine: a request that claims to come from a vendor does not prove it.
var ErrNotGenuine = errors.New("httpapi: the request does not prove that it comes from the system")

// ConsentConfig is what the consent callbacks work with. All fields are needed, except where they say otherwise.
type ConsentConfig struct {
	// Flows has the flow of each system. A callback that arrives at another system's address finds nothing to finish.
	Flows map[string]Flow
	// SystemName returns what users call a system.
	SystemName func(system string) string
	// Asker returns who started a consent.
	Asker func(ctx context.Context, o oauth.Outcome) (Asker, error)
	// Connected is told of a finished consent. Its error, if any, is shown to the person.
	Connected func(ctx context.Context, o oauth.Outcome) error
	// Uninstall reads, by system, the call of a vendor whose user removed Meibo there: it proves the request and returns the id that
	// the vendor gives the account, or an error that is ErrNotGenuine or connector.ErrMalformed. nil, or a system that is not in it:
	// no such call is taken.
	Uninstall map[string]func(*http.Request) (vendorAccount string, err error)
	// Uninstalled is told of such a call. It is needed if Uninstall has a system.
	Uninstalled func(ctx context.Context, system, vendorAccount string) error
	// Directories takes the return of administrators who consented for an organisation's directory (SM1); nil takes none.
	Directories AdminFlow
	// Company returns the name of a tenant. It is needed with Directories.
	Company func(ctx context.Context, tenant string) (string, error)
	// EgressAddresses are the fixed addresses that requests to the vendors come from; empty if there are none.
	EgressAddresses []string
	// PublicURL is the origin of this installation; people are sent back to addresses of it only.
	PublicURL string
	Log       *slog.Logger
	// NewID numbers incidents.
	NewID func() string
}

// Consent answers /consent/{system}/callback, where vendors send browsers after a person has decided. It has no sign-in: GET is proven
// by the one-time state that the flow gave out, and shows the person whose Meibo account their own account is about to be connected
// to; POST, which that page sends, by the one-time code in it. So nobody finishes a consent that somebody else started without
// seeing it. DELETE is a vendor's own call, and has the vendor's proof.
//
// It answers /consent/{system}/admin as well, where administrators come back from the consent for a whole directory: see AdminFlow.
type Consent struct {
	ConsentConfig
	mux *http.ServeMux
}

// NewConsent returns the handler.
func NewConsent(c ConsentConfig) *Consent {
	h := &Consent{ConsentConfig: c, mux: http.NewServeMux()}
	h.PublicURL = strings.TrimRight(h.PublicURL, "/")
	h.mux.HandleFunc("GET /consent/{system}/callback", h.arrive)
	h.mux.HandleFunc("POST /consent/{system}/callback", h.decide)
	h.mux.HandleFunc("GET /consent/{system}/admin", h.adminArrive)
	h.mux.HandleFunc("DELETE /consent/{system}/callback", h.uninstall)
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
		h.nothing(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// arrive takes the browser from the vendor, and asks the person to confirm.
func (h *Consent) arrive(w http.ResponseWriter, r *http.Request) {
	ctx, id, flow := r.Context(), r.PathValue("system"), h.Flows[r.PathValue("system")]
	if flow == nil {
		h.nothing(w, r)
		return
	}
	q := r.URL.Query()
	if !q.Has("state") && !q.Has("error") { // installed from the vendor's marketplace: nobody at Meibo has asked for it
		h.page(w, r, http.StatusOK, page{
			Title: text{"One more step in Meibo", "Meiboでの操作が必要です"},
			What: text{"You have chosen Meibo at %s. Meibo does not know yet for which of its members that is, and has kept nothing.",
				"%sでMeiboが選択されましたが、どのメンバーのものかまだ分かりません。何も保存されていません。"}, WhatArgs: []any{h.SystemName(id)},
			Cure: text{"Sign in to Meibo, and connect the account there.", "Meiboにサインインし、そこでアカウントを接続してください。"},
			Back: h.PublicURL + "/",
		})
		return
	}
	o, code, err := flow.Arrive(ctx, q)
	var who Asker
	if err == nil {
		who, err = h.Asker(ctx, o)
	}
	if err != nil {
		h.failed(w, r, id, o, err)
		return
	}
	// Browsers send the origin of a form that the policy lets them name; nobody but this installation sees the address.
	w.Header().Set("Referrer-Policy", "same-origin")
	h.confirmation(w, r, confirmation{System: h.SystemName(id), Identity: o.Identity, Asker: who, Code: code})
}

// decide takes the person's answer to the confirmation page.
func (h *Consent) decide(w http.ResponseWriter, r *http.Request) {
	ctx, id, flow := r.Context(), r.PathValue("system"), h.Flows[r.PathValue("system")]
	if flow == nil {
		h.nothing(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || !h.ownForm(r) {
		h.Log.Info("consent refused", "system", id, "reason", "the form did not come from the confirmation page")
		h.page(w, r, http.StatusForbidden, page{
			Title: text{"The account was not connected", "アカウントは接続されませんでした"},
			What:  text{"The request did not come from Meibo's own page.", "Meiboの画面から送信されたものではありません。"},
			Cure:  text{"Go back to Meibo and connect the account again.", "Meiboに戻って、アカウントを接続し直してください。"},
		})
		return
	}
	code := r.PostForm.Get("code")
	if r.PostForm.Get("decision") != "connect" {
		o, err := flow.Drop(ctx, code)
		if err != nil {
			h.failed(w, r, id, o, err)
			return
		}
		h.Log.Info("consent not confirmed", "tenant", o.Tenant, "system", id)
		h.page(w, r, http.StatusOK, page{
			Title: text{"The account was not connected", "アカウントは接続されませんでした"},
			What:  text{"Meibo has kept nothing of it.", "Meiboには何も保存されていません。"},
			Cure: text{"If you did not mean to allow Meibo at all, remove it in the settings of your %s account.",
				"許可するつもりがなかった場合は、%sのアカウント設定でMeiboを削除してください。"}, CureArgs: []any{h.SystemName(id)},
			Back: h.back(o),
		})
		return
	}
	o, err := flow.Confirm(ctx, code)
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
		What:  text{"Meibo may now use the account %s.", "Meiboがアカウント %s を利用できるようになりました。"}, WhatArgs: []any{legible(o.Identity.Email)},
		Cure: text{"You can close this window and go on in Meibo.", "このウィンドウを閉じて、Meiboの操作を続けてください。"},
	})
}

// maxForm and maxUninstall bound what a request without a sign-in may send.
const (
	maxForm      = 4 << 10
	maxUninstall = 64 << 10
)

// ownForm reports whether a form was sent by a page of this installation, as far as the browser tells.
func (h *Consent) ownForm(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	origin := r.Header.Get("Origin")
	return origin == "" || strings.EqualFold(origin, h.PublicURL)
}

// uninstall takes a vendor's word that its user has removed Meibo there.
func (h *Consent) uninstall(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("system")
	read := h.Uninstall[id]
	if read == nil {
		h.nothing(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxUninstall)
	account, err := read(r)
	if err == nil {
		err = h.Uninstalled(r.Context(), id, account)
	}
	status := http.StatusNoContent
	var large *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, tenancy.ErrNotFound): // an account that nobody has connected is gone as well
		h.Log.Info("uninstalled at the system", "system", id, "known", err == nil)
	case errors.Is(err, ErrNotGenuine):
		status = http.StatusUnauthorized
		h.Log.Warn("a call to uninstall was not genuine", "system", id)
	case errors.Is(err, connector.ErrMalformed), errors.As(err, &large):
		status = http.StatusBadRequest
		h.Log.Warn("a call to uninstall cannot be read", "system", id)
	default:
		status = http.StatusServiceUnavailable // the vendor may call again; the next refresh finds it out at the latest
		h.Log.Error("a call to uninstall was not carried out", "system", id, "error", err.Error())
	}
	w.WriteHeader(status)
}

func (h *Consent) nothing(w http.ResponseWriter, r *http.Request) {
	h.page(w, r, http.StatusNotFound, page{Title: noRoute.title, What: noRoute.detail})
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
