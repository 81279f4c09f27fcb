package httpapi

import (
	"meibo/shared/oauth"
	"meibo/shared/profile"
	"meibo/shared/system"
)

// How an account of a system is connected.
const (
	byConsent = "consent"
	bySite    = "consent_with_site"
	byKey     = "key"
)

// SystemView is a system that Meibo connects to.
type SystemView struct {
	ID        string       `json:"id" example:"zoho"`
	Name      string       `json:"name" example:"Zoho CRM"`
	Side      profile.Side `json:"side" enum:"crm,book"`
	Connect   string       `json:"connect" enum:"consent,consent_with_site,key" doc:"How an account is connected: consent_with_site needs site, the organisation's own address at the system (HD1)"`
	KeyWhere  string       `json:"key_where" doc:"Where a person finds the API key; empty if there is none"`
	KeyLooks  string       `json:"key_looks" doc:"What the API key looks like; empty if there is none"`
	Directory bool         `json:"directory" doc:"An administrator can connect the organisation's directory for all members (SM1)"`
}

func (s *Server) systemView(lang string, y system.System) SystemView {
	v := SystemView{ID: y.ID, Name: y.Name, Side: y.Side, Connect: byConsent, Directory: s.Directories.Offers(y.ID)}
	if _, sited := y.Provider.(oauth.Sited); sited {
		v.Connect = bySite
	}
	if y.Key != nil {
		v.Connect = byKey
		v.KeyWhere, v.KeyLooks = keyText(lang, y.ID, *y.Key)
	}
	return v
}

// keyText says in a language where a system's key is found and what it looks like.
func keyText(lang, id string, k oauth.Key) (where, looks string) {
	if t, ok := keyWords[id]; ok && lang == "ja" {
		return t.where, t.looks
	}
	return k.Where, k.Looks
}

// keyWords are the Japanese words for the keys of systems; the English ones come with the system.
var keyWords = map[string]struct{ where, looks string }{
	system.Sansan: {"Sansanの右上のユーザーアイコン >「管理者設定」>「外部サービス連携」>「API」で発行できます。APIの利用には、管理者の許可と対象の契約プランが必要です", "半角英数字32文字"},
}
