package sansan

import (
	"strings"

	"meibo/shared/oauth"
)

// keyLength is how long a key is.
const keyLength = 32

// Key says how accounts are authorised: Sansan has no consent; a key belongs to one user and lasts until somebody revokes it.
func Key() oauth.Key {
	return oauth.Key{
		Header: "X-Sansan-Api-Key",
		Shape:  isKey,
		Looks:  "32 letters and digits",
		Where: "in Sansan, open your user icon > 管理者設定 > 外部サービス連携 > API (https://ap.sansan.com/v/admin/integration/apikey/index/); " +
			"if the page is not there, ask a Sansan administrator to allow the API for you",
	}
}

func isKey(s string) bool {
	return len(s) == keyLength && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}
