package sansan

import (
	"html/template"
	"net/http"
)

// keysPath is where Sansan's own page shows API keys.
const keysPath = "/v/admin/integration/apikey/index/"

var keysHTML = template.Must(template.New("keys").Parse(`<!doctype html>
<html lang="ja"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>API キー</title></head>
<body><main><h1>Sansan (sandbox): API キー</h1>
<p>This is a stand-in for 管理者設定 › 外部サービス連携 › API. The keys open nothing else: copy the one of the user whose cards you want.</p>
<table><thead><tr><th scope="col">User</th><th scope="col">API key</th></tr></thead>
<tbody>{{range .}}<tr><td>{{.Name}} ({{.Email}})</td><td>{{if .Key}}<code>{{.Key}}</code>{{else}}(none){{end}}</td></tr>{{else}}<tr><td colspan="2">There are no users yet.</td></tr>{{end}}</tbody></table>
<p><a href="/sandbox/">Cards of all users</a></p>
</main></body></html>
`))

// keysPage lists the users with their keys.
func (s *Sandbox) keysPage(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeError(w, refuse(http.StatusMethodNotAllowed))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'")
	_ = keysHTML.Execute(w, s.Views())
}
