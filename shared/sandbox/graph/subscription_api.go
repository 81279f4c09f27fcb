package graph

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"meibo/shared/sandbox"
)

// subscriptionAPI answers /subscriptions.
func (s *Sandbox) subscriptionAPI(r *http.Request, who caller, path string) (*reply, *apiError) {
	if !who.may(readContacts, writeContacts) {
		return nil, accessDenied()
	}
	if r.URL.RawQuery != "" {
		return nil, badQuery("The query parameters are not supported here.")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, badBody("The request body could not be read.")
	}
	id := strings.TrimPrefix(strings.TrimPrefix(path, "/subscriptions"), "/")
	id, action, _ := strings.Cut(id, "/")
	if (r.Method == http.MethodPost && id == "" || r.Method == http.MethodPatch) && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil, fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The Content-Type must be application/json.")
	}
	switch {
	case r.Method == http.MethodGet && id == "":
		return s.listSubscriptions(who, s.origin(r))
	case r.Method == http.MethodPost && id == "":
		return s.createSubscription(r, who, body)
	case r.Method == http.MethodGet && action == "":
		return s.withSubscription(who, id, func(sub *subscription) (*reply, *apiError) {
			return jsonReply(http.StatusOK, sub.json(s.origin(r), "subscriptions/$entity"))
		})
	case r.Method == http.MethodPatch && action == "":
		return s.renewSubscription(r, who, id, body)
	case r.Method == http.MethodDelete && action == "":
		return s.withSubscription(who, id, func(*subscription) (*reply, *apiError) {
			s.dropSubscription(id)
			return noContent(), nil
		})
	case r.Method == http.MethodPost && action == "reauthorize":
		return s.withSubscription(who, id, func(sub *subscription) (*reply, *apiError) {
			sub.Paused = false
			s.dirty.subscription(sub)
			return noContent(), nil
		})
	case action != "" && action != "reauthorize":
		return nil, badSegment(path)
	}
	return nil, methodNotAllowed(r.Method)
}

// withSubscription does something with one of the caller's subscriptions.
func (s *Sandbox) withSubscription(who caller, id string, do func(*subscription) (*reply, *apiError)) (answer *reply, e *apiError) {
	problem := s.locked(func() error {
		s.sweep()
		sub := s.subs[id]
		if sub == nil || !sub.mine(who) {
			e = fail(http.StatusNotFound, "ResourceNotFound", "The object was not found.")
			return nil
		}
		answer, e = do(sub)
		return nil
	})
	if problem != nil && e == nil {
		return nil, internal(problem)
	}
	return answer, e
}

func (s *Sandbox) listSubscriptions(who caller, origin string) (*reply, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	value := []map[string]any{}
	for _, sub := range s.subsInOrder() {
		if sub.mine(who) {
			value = append(value, sub.json(origin, ""))
		}
	}
	return jsonReply(http.StatusOK, map[string]any{"@odata.context": origin + "/v1.0/$metadata#subscriptions", "value": value})
}

func (s *Sandbox) subsInOrder() []*subscription {
	out := make([]*subscription, 0, len(s.subs))
	for _, sub := range s.subs {
		out = append(out, sub)
	}
	slices.SortFunc(out, func(a, b *subscription) int { return int(a.Seq) - int(b.Seq) })
	return out
}

func (s *Sandbox) createSubscription(r *http.Request, who caller, body []byte) (*reply, *apiError) {
	in, e := subscriptionBody(body, "changeType", "notificationUrl", "lifecycleNotificationUrl", "resource", "expirationDateTime", "clientState", "latestSupportedTlsVersion")
	if e != nil {
		return nil, e
	}
	for _, name := range []string{"changeType", "notificationUrl", "resource", "expirationDateTime"} {
		if in[name] == "" {
			return nil, invalidRequest("The property '%s' is required.", name)
		}
	}
	sub := &subscription{
		Owner: who.user, Tenant: who.tenant, Client: who.client, Resource: in["resource"], URL: in["notificationUrl"], Lifecycle: in["lifecycleNotificationUrl"],
		State: in["clientState"], TLS: "v1_2",
	}
	if v, ok := in["latestSupportedTlsVersion"]; ok {
		sub.TLS = v
	}
	if len(sub.State) > clientMost {
		return nil, invalidRequest("The clientState must have at most %d characters.", clientMost)
	}
	if !slices.Contains([]string{"v1_0", "v1_1", "v1_2", "v1_3"}, sub.TLS) {
		return nil, invalidRequest("The latestSupportedTlsVersion is not known.")
	}
	if sub.Changes, e = changeTypes(in["changeType"]); e != nil {
		return nil, e
	}
	check := func() *apiError {
		s.sweep()
		m, f, e := s.watched(who, sub.Resource)
		if e != nil {
			return e
		}
		sub.User, sub.Folder = m.Email, f.id
		if sub.Expires, e = s.until(in["expirationDateTime"], s.cfg.Clock.Now()); e != nil {
			return e
		}
		return s.room(sub)
	}
	s.mu.Lock()
	e = check()
	sub.Immutable = !s.quirks.IgnorePrefer && (&call{s: s, header: r.Header}).immutable()
	s.mu.Unlock()
	if e != nil {
		return nil, e
	}
	// The endpoint is asked before the answer, while our lock is free: it may well call back.
	if e := s.handshake(r.Context(), sub.URL, sub.Lifecycle); e != nil {
		return nil, e
	}
	var answer *reply
	problem := s.locked(func() error {
		if e = check(); e != nil {
			return nil
		}
		s.subSeq++
		sub.Seq, sub.ID = s.subSeq, guid("subscription", sub.User, itoa(int(s.subSeq)))
		s.subs[sub.ID] = sub
		s.dirty.subscription(sub)
		answer, e = jsonReply(http.StatusCreated, sub.json(s.origin(r), "subscriptions/$entity"))
		return nil
	})
	if problem != nil && e == nil {
		return nil, internal(problem)
	}
	return answer, e
}

// handshake proves that addresses answer: each must give the token of its query back, decoded and as plain text.
func (s *Sandbox) handshake(ctx context.Context, addresses ...string) *apiError {
	for _, at := range addresses {
		if at == "" {
			continue
		}
		u, err := url.Parse(at)
		if err != nil || sandbox.CheckPushURL(at) != nil {
			return invalidRequest("Notification endpoint must use the https protocol.")
		}
		token := "Validation: Testing client application reachability for subscription Request-Id: " + s.requestID()
		q := u.Query()
		q.Set("validationToken", token)
		u.RawQuery = q.Encode()
		push := sandbox.Push{URL: u.String(), Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}}
		status, header, body, err := s.pusher.Call(ctx, push, handshakeFor)
		switch {
		case err != nil || status != http.StatusOK:
			return invalidRequest("Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.")
		case !strings.HasPrefix(header.Get("Content-Type"), "text/plain"):
			return invalidRequest("Subscription validation request failed. Must respond with Content-Type text/plain.")
		case string(body) != token:
			return invalidRequest("Subscription validation request failed. Response must exactly match validationToken query parameter.")
		}
	}
	return nil
}

func (s *Sandbox) renewSubscription(r *http.Request, who caller, id string, body []byte) (*reply, *apiError) {
	in, e := subscriptionBody(body, "expirationDateTime", "notificationUrl")
	if e != nil {
		return nil, e
	}
	if len(in) == 0 {
		return nil, invalidRequest("There is nothing to change.")
	}
	if _, e := s.withSubscription(who, id, func(*subscription) (*reply, *apiError) { return nil, nil }); e != nil {
		return nil, e
	}
	if e := s.handshake(r.Context(), in["notificationUrl"]); e != nil {
		return nil, e
	}
	return s.withSubscription(who, id, func(sub *subscription) (*reply, *apiError) {
		if text, ok := in["expirationDateTime"]; ok {
			at, e := s.until(text, s.cfg.Clock.Now())
			if e != nil {
				return nil, e
			}
			sub.Expires, sub.Paused = at, false
		}
		if at, ok := in["notificationUrl"]; ok {
			sub.URL = at
		}
		s.dirty.subscription(sub)
		return jsonReply(http.StatusOK, sub.json(s.origin(r), "subscriptions/$entity"))
	})
}
