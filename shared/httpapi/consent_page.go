package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
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

const pageStyle = `body{font-family:system-ui,sans-serif;line-height:1.6;max-width:36rem;margin:4rem auto;padding:0 1rem;color:#222;background:#fff}` +
	`h1{font-size:1.3rem}a{color:#05c}`

// pagePolicy lets the page have its own style and nothing else.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
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
{{end}}{{with .Cure}}<p>{{.}}</p>
{{end}}{{with .Back}}<p><a href="{{.}}">{{$.BackText}}</a></p>
{{end}}</main>
</body>
</html>
`))

// page writes p in the language of the request.
func (h *Consent) page(w http.ResponseWriter, r *http.Request, status int, p page) {
	lang := langOf(r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang)
	w.WriteHeader(status)
	// The answer is on its way already; a failure here is the connection's.
	_ = pageTemplate.Execute(w, map[string]string{
		"Lang":  lang,
		"Title": p.Title.in(lang),
		"What":  p.What.in(lang, p.WhatArgs...),
		"Cure":  p.Cure.in(lang, p.CureArgs...),
		"Back":  p.Back, "BackText": text{"Back to Meibo", "Meiboに戻る"}.in(lang),
	})
}
