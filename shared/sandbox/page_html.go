package sandbox

import "html/template"

var pageHTML = template.Must(template.New("page").Parse(`
{{define "head"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title>
<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:1.5rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #bbb;overflow-wrap:anywhere}
fieldset{margin:.6rem 0;border:1px solid #bbb}label{margin-right:.8rem}input,textarea{font:inherit;padding:.2rem;max-width:100%}.problem{border:2px solid #a00;padding:.6rem}.row{margin:.3rem 0}</style></head>
<body><header><p><a href="/sandbox/">All users</a></p></header><main><h1>{{.Title}}</h1>{{end}}
{{define "foot"}}</main></body></html>{{end}}

{{define "users"}}{{template "head" .}}
<p>A stand-in for the real system. Choose whose contacts to see.</p>
<ul>{{range .Users}}<li><a href="/sandbox/page/list?user={{.Email}}">{{.Name}} ({{.Email}})</a></li>{{else}}<li>There are no users yet.</li>{{end}}</ul>
{{template "foot" .}}{{end}}

{{define "list"}}{{template "head" .}}
<h2>Contacts of {{.User}}</h2>
<form method="get" action="/sandbox/page/list" role="search"><input type="hidden" name="user" value="{{.User}}">
<label for="q">Search</label> <input id="q" type="search" name="q" value="{{.Query}}"> <button>Search</button></form>
<p><a href="/sandbox/page/edit?user={{.User}}">Add a contact</a></p>
<table><caption>{{len .Rows}} shown</caption><thead><tr><th scope="col">Name</th><th scope="col">E-mail</th><th scope="col">Phone</th><th scope="col">Organization</th></tr></thead>
<tbody>{{range .Rows}}<tr><td><a href="/sandbox/page/edit?user={{$.User}}&amp;id={{.ID}}">{{.Name}}</a></td><td>{{.Email}}</td><td>{{.Phone}}</td><td>{{.Org}}</td></tr>{{end}}</tbody></table>
{{if .Next}}<p><a href="/sandbox/page/list?user={{.User}}&amp;q={{.Query}}&amp;after={{.Next}}" rel="next">Next page</a></p>{{end}}
{{template "foot" .}}{{end}}

{{define "edit"}}{{template "head" .}}
<h2>{{if .ID}}Contact {{.ID}}{{else}}New contact{{end}}</h2>
<p><a href="/sandbox/page/list?user={{.User}}">Contacts of {{.User}}</a></p>
{{if .Problem}}<p class="problem" role="alert">{{.Problem}}</p>{{end}}
{{if .Groups}}<p>Groups: {{.Groups}}</p>{{end}}
<form method="post" action="/sandbox/page/save">
<input type="hidden" name="user" value="{{.User}}"><input type="hidden" name="id" value="{{.ID}}"><input type="hidden" name="version" value="{{.Version}}">
{{range .Fields}}<fieldset><legend>{{.Name}}</legend>{{range .Rows}}<div class="row">{{range .Inputs}}
<label>{{.Label}} {{if .Long}}<textarea name="{{.Name}}" rows="4" cols="60">
{{.Value}}</textarea>{{else}}<input name="{{.Name}}" value="{{.Value}}">{{end}}</label>{{end}}</div>{{end}}</fieldset>
{{end}}<button>Save</button></form>
{{if .ID}}<form method="post" action="/sandbox/page/delete"><input type="hidden" name="user" value="{{.User}}"><input type="hidden" name="id" value="{{.ID}}"><button>Delete this contact</button></form>{{end}}
{{template "foot" .}}{{end}}

{{define "error"}}{{template "head" .}}<p class="problem" role="alert">{{.Problem}}</p>{{template "foot" .}}{{end}}
`))
