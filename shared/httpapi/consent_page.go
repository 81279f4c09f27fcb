package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"meibo/shared/connector"
)

// page is what a person is told. Texts come with arguments only where a value is shown, which the template escapes.
type page struct {
	Title    text
	What     text
	WhatArgs []any
	Cure     text
	CureArgs []any
	Back     string // address, or ""
}

// confirmation is what a person sees before an account is connected.
type confirmation struct {
	System   string
	Identity connector.Identity
	Asker    Asker
	Code     string
}

const pageStyle = `body{font-family:system-ui,sans-serif;line-height:1.6;max-width:36rem;margin:4rem auto;padding:0 1rem;color:#222;background:#fff}` +
	`h1{font-size:1.3rem}a{color:#05c}dt{color:#555}dd{margin:0 0 1rem;font-weight:600;overflow-wrap:anywhere}` +
	`button{font:inherit;padding:.5rem 1rem;margin-right:1rem}`

// pagePolicy lets the page have its own style, send its form to where it came from, and nothing else. Nobody may frame it: a person
// must see what they press.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}()

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} - Meibo</title>
<style>` + pageStyle + `</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{with .What}}<p>{{.}}</p>
{{end}}{{with .Facts}}<dl>
{{range .}}<dt>{{.Name}}</dt><dd>{{.Value}}</dd>
{{end}}</dl>
{{end}}{{with .Cure}}<p>{{.}}</p>
{{end}}{{with .Code}}<form method="post">
<input type="hidden" name="code" value="{{.}}">
<button name="decision" value="connect">{{$.Connect}}</button>
<button name="decision" value="cancel">{{$.Cancel}}</button>
</form>
{{end}}{{with .Back}}<p><a href="{{.}}">{{$.BackText}}</a></p>
{{end}}</main>
</body>
</html>
`))

// shown is what the template takes.
type shown struct {
	Lang, Title, What, Cure string
	Facts                   []fact
	Code, Connect, Cancel   string
	Back, BackText          string
}

type fact struct{ Name, Value string }

// page writes p in the language of the request.
func (h *Consent) page(w http.ResponseWriter, r *http.Request, status int, p page) {
	lang := langOf(r.Context())
	h.show(w, status, shown{
		Lang: lang, Title: p.Title.in(lang), What: p.What.in(lang, p.WhatArgs...), Cure: p.Cure.in(lang, p.CureArgs...),
		Back: p.Back, BackText: text{"Back to Meibo", "Meiboに戻る"}.in(lang),
	})
}

// confirmation writes the page that asks a person whether this is what they want.
func (h *Consent) confirmation(w http.ResponseWriter, r *http.Request, c confirmation) {
	lang := langOf(r.Context())
	h.show(w, http.StatusOK, shown{
		Lang:  lang,
		Title: text{"Connect this account?", "このアカウントを接続しますか?"}.in(lang),
		What:  text{"Meibo will read and change the contacts of the first account for the second.", "Meiboは、次のメンバーのために、次のアカウントの連絡先を読み取り、変更します。"}.in(lang),
		Facts: []fact{
			{text{"Your account at %s", "%sのアカウント"}.in(lang, c.System), join(c.Identity.Email, c.Identity.Name, c.Identity.Company)},
			{text{"Is connected to this member of Meibo", "接続先のMeiboメンバー"}.in(lang), join(c.Asker.Email, c.Asker.Name, c.Asker.Company)},
		},
		Cure: text{"Go on only if both are yours. If somebody sent you here, cancel: they would get your contacts.",
			"どちらもご自身のものである場合にだけ続けてください。誰かに案内されて開いた場合は、連絡先がその人に渡るため、中止してください。"}.in(lang),
		Code: c.Code, Connect: text{"Connect", "接続する"}.in(lang), Cancel: text{"Cancel", "中止する"}.in(lang),
	})
}

// join returns the parts that are there and differ, the first of them first.
func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = legible(p); p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return strings.Join(out, " · ")
}

// longestName is how many characters of a name are shown: a long one must not push the warning out of sight.
const longestName = 120

// legible returns a name without what changes how the text around it is read: lines, other control characters, and the invisible ones
// of format, except the two joiners, which some scripts are written with.
func legible(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case c == '\u200c' || c == '\u200d':
			return c
		case unicode.IsSpace(c):
			return ' '
		case unicode.IsControl(c), unicode.Is(unicode.Cf, c), c == unicode.ReplacementChar:
			return -1
		}
		return c
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	if cut := []rune(name); len(cut) > longestName {
		return string(cut[:longestName]) + "…"
	}
	return name
}

func (h *Consent) show(w http.ResponseWriter, status int, s shown) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", s.Lang)
	w.WriteHeader(status)
	// The answer is on its way already; a failure here is the connection's.
	_ = pageTemplate.Execute(w, s)
}
