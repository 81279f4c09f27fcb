package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/directory"
	"meibo/shared/oauth"
	"meibo/shared/tenancy"
)

// AdminPath is the path to which a system sends an administrator's browser after the consent for a whole directory.
func AdminPath(system string) string { return "/consent/" + system + "/admin" }

// AdminFlow finishes an administrator's consent for an organisation's directory; *directory.Service is one.
//
// Its callback is proven by the one-time state and by the vendor. Whoever consented is not asked to confirm whose state it was, as people
// are who connect their own account: the consent opens nobody's contacts, it only permits people of the directory to connect theirs, and
// the page names the company.
type AdminFlow interface {
	Arrive(ctx context.Context, system string, callback url.Values) (directory.Arrival, error)
}

// adminArrive takes the browser of an administrator from the vendor.
func (h *Consent) adminArrive(w http.ResponseWriter, r *http.Request) {
	ctx, id := r.Context(), r.PathValue("system")
	if h.Directories == nil {
		h.nothing(w, r)
		return
	}
	at, err := h.Directories.Arrive(ctx, id, r.URL.Query())
	if errors.Is(err, tenancy.ErrNotFound) && at.Tenant == "" {
		h.nothing(w, r)
		return
	}
	company := ""
	if err == nil {
		company, err = h.Company(ctx, at.Tenant)
	}
	if err != nil {
		h.adminFailed(w, r, id, at, err)
		return
	}
	h.Log.Info("directory connected", "tenant", at.Tenant, "system", id, "capability", at.Capability)
	what := text{"The company %s at Meibo may now have its members connect accounts of the %s directory %s. Each signs in for themselves.",
		"Meiboの会社「%s」で、%sのディレクトリ %s のアカウントをメンバーが接続できるようになりました。各メンバーは自分でサインインします。"}
	if at.Capability != directory.Contacts {
		what = text{"The company %s at Meibo has another permission now for members' accounts of the %s directory %s.",
			"Meiboの会社「%s」に、%sのディレクトリ %s のメンバーのアカウントについて、追加の権限が許可されました。"}
	}
	h.page(w, r, http.StatusOK, page{
		Title: text{"The directory is connected", "連携中です"},
		What:  what, WhatArgs: []any{legible(company), h.SystemName(id), at.Directory},
		Cure: text{"If that is not your company, remove Meibo among the enterprise applications of your directory. Otherwise you can close this window.",
			"自社ではない場合は、ディレクトリの「エンタープライズ アプリケーション」からMeiboを削除してください。問題がなければ、このウィンドウを閉じてください。"},
		Back: h.PublicURL + "/",
	})
}

// adminFailed says what happened and who can fix it, and nothing of what the vendor sent.
func (h *Consent) adminFailed(w http.ResponseWriter, r *http.Request, system string, at directory.Arrival, err error) {
	p := page{Title: text{"The directory was not connected", "ディレクトリは連携されませんでした"}, Back: h.PublicURL + "/"}
	status, code := http.StatusInternalServerError, ""
	var refusal *oauth.RefusedError
	switch {
	case errors.As(err, &refusal):
		status, code = http.StatusBadRequest, refusal.Code
	case errors.Is(err, oauth.ErrClient), errors.Is(err, connector.ErrMisconfigured):
		status, code = http.StatusServiceUnavailable, directory.CodeRegistration
		h.Log.Error("a system is not set up", "system", system, "error", err.Error())
	case errors.Is(err, connector.ErrTransient):
		status, code = http.StatusServiceUnavailable, directory.CodeUnavailable
		h.Log.Warn("an administrator's consent was not finished", "system", system, "error", err.Error())
	default:
		number := h.NewID()
		h.Log.Error("internal error", "incident", number, "system", system, "error", err.Error())
		p.What = internal.detail
		p.Cure = text{"Start the consent for the company again; if it fails again, give the operator this number: %s", "もう一度、会社としての同意を開始してください。続く場合は、次の番号を運用担当者に伝えてください: %s"}
		p.CureArgs = []any{number}
	}
	if code != "" {
		words := adminWordsFor(code, h.EgressAddresses)
		p.What, p.Cure = words.what, words.cure
		h.Log.Info("directory not connected", "tenant", at.Tenant, "system", system, "code", code)
	}
	h.page(w, r, status, p)
}

// Who can fix what kept a directory from being connected.
const (
	systemAdmin = "system_admin"
	meiboAdmin  = "meibo_admin"
	operator    = "operator"
)

// adminWord is why an administrator's consent came to nothing, what to do, and who can.
type adminWord struct {
	what, cure text
	who        string
}

// adminWords are the words by code (SM9).
var adminWords = map[string]adminWord{
	oauth.AdminNot: {
		text{"The account that consented is not a global administrator or a privileged role administrator of the directory.", "同意したアカウントは、ディレクトリのグローバル管理者または特権ロール管理者ではありません。"},
		text{"Have one of them consent. A browser that remembers another account signs in with that one: use a private window.", "グローバル管理者または特権ロール管理者が同意してください。ブラウザーに別のアカウントが記憶されていると、そのアカウントでサインインされるため、シークレットウィンドウを使用してください。"},
		systemAdmin},
	oauth.AdminDenied: {
		text{"The consent was not given for the organisation.", "組織としての同意が得られていません。"},
		text{"Have an administrator of the directory consent again, tick the consent on behalf of the organisation, and accept. Just after a consent it can take some minutes until it counts.", "ディレクトリの管理者がもう一度サインインし、「組織の代理として同意する」にチェックを入れて「承諾」を押してください。同意の直後は、反映まで数分かかることがあります。"},
		systemAdmin},
	oauth.AdminElsewhere: {
		text{"The consent was given in another directory than the one that was entered, or there is no directory with that ID.", "入力されたものとは別のディレクトリで同意されたか、そのIDのディレクトリがありません。"},
		text{"Check the directory (tenant) ID in Meibo, and have an administrator of that directory consent.", "Meiboで入力したディレクトリ(テナント)IDを確認し、そのディレクトリの管理者が同意してください。"},
		meiboAdmin},
	oauth.AdminStep: {
		text{"The sign-in asked for a further step, which was not completed.", "サインインに追加の手順が必要でしたが、完了していません。"},
		text{"Have the administrator of the directory consent again and complete that step.", "ディレクトリの管理者がもう一度同意し、追加の手順を完了してください。"},
		systemAdmin},
	oauth.AdminDisabled: {
		text{"Meibo is switched off in this directory.", "このディレクトリではMeiboが無効になっています。"},
		text{"Have an administrator of the directory switch Meibo on among the enterprise applications, and consent again.", "ディレクトリの管理者が「エンタープライズ アプリケーション」でMeiboを有効にし、もう一度同意してください。"},
		systemAdmin},
	oauth.AdminWithdrawn: {
		text{"The administrator of the directory has withdrawn the consent.", "ディレクトリの管理者が同意を取り消しました。"},
		text{"Have an administrator of the directory consent again; then members connect their accounts again. Nothing is lost.", "ディレクトリの管理者がもう一度同意し、その後に各メンバーがアカウントを再接続してください。データは失われません。"},
		systemAdmin},
	oauth.AdminBlocked: {
		text{"A rule of the directory about addresses or devices blocks Meibo.", "ディレクトリのアクセス制限(IPアドレスまたはデバイスの条件)により、Meiboがブロックされています。"},
		text{"Have an administrator of the directory admit the addresses that Meibo comes from, and consent again.", "ディレクトリの管理者が、Meiboの接続元IPアドレスを許可し、もう一度同意してください。"},
		systemAdmin},
	directory.CodeRegistration: {
		text{"Meibo's own registration with the system is missing or not in order.", "Meibo側のクライアント登録がないか、正しくありません。"},
		text{"Ask the operator of this installation to check it.", "この環境の運用担当者に確認を依頼してください。"},
		operator},
	directory.CodeUnavailable: {
		text{"The system did not answer.", "接続先が応答しませんでした。"},
		text{"Start the consent for the company again in a few minutes.", "数分後に、会社としての同意をもう一度開始してください。"},
		meiboAdmin},
	"admin_state": {
		text{"This consent was started too long ago, was finished already, or was not started from Meibo.", "この同意は期限切れか、完了済みか、Meiboから開始されたものではありません。"},
		text{"Go back to Meibo and start the consent for the company again.", "Meiboに戻って、会社としての同意をもう一度開始してください。"},
		meiboAdmin},
}

// adminWordsFor returns the words for a code. Where a rule about addresses stands in the way, they name those that Meibo comes from, or
// who knows them.
func adminWordsFor(code string, egress []string) adminWord {
	w, ok := adminWords[code]
	if !ok {
		w = adminWords[oauth.AdminDenied]
	}
	if code != oauth.AdminBlocked {
		return w
	}
	if len(egress) == 0 {
		return adminWord{w.what, text{w.cure.en + " This installation has no fixed addresses: ask its operator.", w.cure.ja + "この環境には固定のIPアドレスがありません。運用担当者に確認してください。"}, operator}
	}
	list := strings.Join(egress, ", ")
	return adminWord{w.what, text{w.cure.en + " They are: " + list, w.cure.ja + "接続元IPアドレス: " + list}, w.who}
}
