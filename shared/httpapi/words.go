package httpapi

import (
	"regexp"
	"strings"
)

// phrase returns in lang what another package says in English. Those packages keep one language; the words for people are here,
// as patterns whose %s stand for what the sentence is about. A sentence that is not in the table stays in English.
func phrase(lang, english string) string {
	if lang != "ja" {
		return english
	}
	for _, p := range phrases {
		m := p.pattern.FindStringSubmatch(english)
		if m == nil {
			continue
		}
		args := make([]any, 0, len(m)-1)
		for _, a := range m[1:] {
			args = append(args, a)
		}
		return text{ja: p.ja}.in("ja", args...)
	}
	return english
}

type pattern struct {
	pattern *regexp.Regexp
	ja      string
}

// phrases is built once and never changed.
var phrases = func() []pattern {
	out := make([]pattern, 0, len(japanese))
	for _, p := range japanese {
		re := "^" + strings.ReplaceAll(regexp.QuoteMeta(p[0]), "%s", "(.+)") + "$"
		out = append(out, pattern{regexp.MustCompile(re), p[1]})
	}
	return out
}()

// consentWords are the Japanese words for refusals of package oauth and its providers, by code. Reason and cure are one.
var consentWords = map[string]text{
	"system":  {ja: "この接続先はありません: 一覧から選んでください"},
	"side":    {ja: "この接続先はもう一方の側のものです: 正しい側の接続先を選んでください"},
	"return":  {ja: "戻り先がMeiboのアドレスではありません: 「/」で始まるパスを指定してください"},
	"state":   {ja: "この認可は期限切れか、完了済みか、Meiboから開始されたものではありません。Meiboに戻って、もう一度接続してください。"},
	"denied":  {ja: "認可が与えられませんでした。もう一度接続し、求められた権限をすべて許可してください。"},
	"consent": {ja: "接続先が認可を受け付けませんでした。もう一度接続し、繰り返す場合は接続先の管理者にMeiboの利用が許可されているか確認してください。"},
	"code":    {ja: "接続先がこの認可を受け付けなくなりました。もう一度接続してください。"},
	"scope":   {ja: "必要な権限が許可されていません。もう一度接続し、求められた権限をすべて許可してください。"},
}
