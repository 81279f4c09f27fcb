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
	"system":         {ja: "この接続先はありません: 一覧から選んでください"},
	"side":           {ja: "この接続先はもう一方の側のものです: 正しい側の接続先を選んでください"},
	"return":         {ja: "戻り先がMeiboのアドレスではありません: 「/」で始まるパスを指定してください"},
	"state":          {ja: "この認可は期限切れか、完了済みか、Meiboから開始されたものではありません。Meiboに戻って、もう一度接続してください。"},
	"denied":         {ja: "認可が与えられませんでした。もう一度接続し、求められた権限をすべて許可してください。"},
	"consent":        {ja: "接続先が認可を受け付けませんでした。もう一度接続し、繰り返す場合は接続先の管理者にMeiboの利用が許可されているか確認してください。"},
	"code":           {ja: "接続先がこの認可を受け付けなくなりました。もう一度接続してください。"},
	"site":           {ja: "組織のアドレスではありません: ブラウザーのアドレス欄に表示される、地域を含むアドレス(例: contoso.crm7.dynamics.com)を入力してください"},
	"no_card":        {ja: "APIキーの所有者を名刺から確認しますが、このキーのユーザーには1年以内の名刺がありません。Sansanで名刺を1枚登録し、データ化が完了してから、もう一度キーを入力してください。"},
	"offline":        {ja: "1時間だけ有効な認可になっています。もう一度接続し、データへのアクセスの維持を許可してください。"},
	"admin_consent":  {ja: "この会社では、アプリケーションの承認は管理者だけが行えます。Microsoft 365の管理者に、会社としてMeiboへの同意を依頼してから、もう一度接続してください。"},
	"wrong_account":  {ja: "このMicrosoftアカウントは別のディレクトリのものか、利用できない種類のものです。別のアカウントで接続するか、Microsoft 365の管理者にMeiboの利用の許可を依頼してください。"},
	"not_in_company": {ja: "この会社のディレクトリではMeiboを利用できません。Microsoft 365の管理者に、会社としてMeiboへの同意を依頼してから、もう一度接続してください。"},
	"switched_off":   {ja: "この会社では、管理者がMeiboを無効にしています。Microsoft 365の管理者に有効化を依頼してください。"},
	"disabled_user":  {ja: "このMicrosoftアカウントは無効になっています。Microsoft 365の管理者に有効化を依頼するか、別のアカウントを選んでください。"},
	"extra_step":     {ja: "会社の設定により、サインインに追加の手順が必要です。もう一度接続して手順を完了してください。表示されない場合は、このデバイスでの利用が許可されているかMicrosoft 365の管理者に確認してください。"},
	"scope":          {ja: "必要な権限が許可されていません。もう一度接続し、求められた権限をすべて許可してください。"},
}
