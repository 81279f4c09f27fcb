package local

import (
	"html/template"
	"net/http"
)

// shownMails is how many mails the outbox page lists.
const shownMails = 200

var outboxPage = template.Must(template.New("outbox").Parse(`<!DOCTYPE html>
<html lang="ja">
<meta charset="utf-8">
<title>Meibo: 送信箱 / outbox</title>
<meta name="viewport" content="width=device-width">
<style>body{font:16px/1.6 sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}article{border-top:1px solid;padding:1rem 0}pre{white-space:pre-wrap;font:inherit}</style>
<h1>送信箱 / Outbox</h1>
{{range .}}<article>
<p>{{.Made.Format "2006-01-02 15:04 MST"}} → {{.To}}{{if .Failed}} (failed){{else if not .Sent.IsZero}} (sent){{end}}</p>
<h2>{{.Subject}}</h2>
<pre>{{.Text}}</pre>
</article>
{{else}}<p>まだありません。 / No mail yet.</p>
{{end}}`))

// Outbox returns the page of the mails that Meibo has sent, or would have sent had it a mail server. It shows who was written to, so
// it is for this machine only.
func (s *Stack) Outbox() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list, err := s.Mails.List(r.Context(), shownMails)
		if err != nil {
			s.log.Error("the outbox could not be read", "error", err.Error())
			http.Error(w, "the outbox cannot be read now: try again", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		if err := outboxPage.Execute(w, list); err != nil {
			s.log.Warn("the outbox page was not sent", "error", err.Error())
		}
	})
}
