package httpapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"meibo/shared/connector"
	"meibo/shared/oauth"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// forbiddenCodes are the refusals that say that somebody lacks a permission; all others say that the moment is wrong.
var forbiddenCodes = map[string]bool{tenancy.CodeForbidden: true, "member_permission": true, "vendor_permission": true}

// typed are the codes of refusals of package oauth that are about a field of the request with that name.
var typed = map[string]bool{"system": true, "side": true, "return": true, "site": true, "key": true}

// problem is the one table from errors to problems. What is not in it is internal: logged under a number, and shown as that
// number alone.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	var (
		p         *Problem
		refusal   *tenancy.Refusal
		badField  *tenancy.FieldError
		clash     *tenancy.Conflict
		schedule  *tenancy.ScheduleError
		condition *store.ConditionError
		consent   *oauth.RefusedError
		auth      *connector.AuthLostError
		forbids   *connector.ForbiddenError
		throttled *connector.ThrottledError
	)
	lang := langOf(ctx)
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, tenancy.ErrNotFound), errors.Is(err, store.ErrNotFound):
		return notFound.say(ctx)
	case errors.As(err, &badField):
		return fieldProblem(ctx, badField)
	case errors.As(err, &refusal):
		k := refused
		if forbiddenCodes[refusal.Code] {
			k = forbidden
		}
		p := k.say(ctx)
		p.Type = "urn:meibo:problem:" + refusal.Code
		p.Detail, p.Cure = sentence(phrase(lang, refusal.Reason)), sentence(phrase(lang, refusal.Cure))
		return p
	case errors.As(err, &consent):
		if !typed[consent.Code] { // nothing of the request is wrong
			p := refused.say(ctx)
			p.Type, p.Detail, p.Cure = "urn:meibo:problem:"+consent.Code, sentence(consent.Reason), sentence(consent.Cure)
			if lang == "ja" {
				p.Detail, p.Cure = sentence(consentText(lang, consent)), ""
			}
			return p
		}
		p := invalid.say(ctx)
		p.Errors = []FieldError{{"body." + consent.Code, consentText(lang, consent)}}
		return p
	case errors.As(err, &clash), errors.As(err, &condition):
		return conflict.say(ctx)
	case errors.As(err, &schedule), errors.Is(err, store.ErrThrottled), errors.Is(err, store.ErrContention):
		s.log(ctx).Warn("busy", "error", err.Error())
		p := busy.say(ctx)
		p.retryAfter = 2
		return p
	case errors.As(err, &auth):
		return systemAuth.say(ctx, auth.System)
	case errors.As(err, &forbids):
		p := systemForbidden.say(ctx, forbids.System)
		if lang == "en" && forbids.What != "" && forbids.Cure != "" { // the connector knows better, in one language
			p.Detail, p.Cure = fmt.Sprintf("%s does not let this account %s.", forbids.System, forbids.What), sentence(forbids.Cure)
		}
		return p
	case errors.As(err, &throttled):
		p := systemBusy.say(ctx)
		p.retryAfter = int(math.Ceil(throttled.After.Seconds()))
		return p
	case errors.Is(err, connector.ErrMisconfigured), errors.Is(err, oauth.ErrClient):
		s.log(ctx).Error("a system is not set up", "error", err.Error())
		return systemConfig.say(ctx)
	case errors.Is(err, connector.ErrTransient), errors.Is(err, context.DeadlineExceeded):
		s.log(ctx).Warn("a system does not answer", "error", err.Error())
		p := systemBusy.say(ctx)
		p.retryAfter = 10
		return p
	default:
		return s.incident(ctx, err)
	}
}

// fieldProblem puts the field in its place in the request: tenancy speaks of what it was given, which is the body but for pages.
func fieldProblem(ctx context.Context, e *tenancy.FieldError) *Problem {
	lang := langOf(ctx)
	location := "body." + e.Field
	switch e.Field {
	case "page token":
		location = "query.page"
	case "crm, book":
		location = "body.crm"
	}
	p := invalid.say(ctx)
	p.Errors = []FieldError{{location, phrase(lang, e.Reason) + ": " + phrase(lang, e.Cure)}}
	return p
}

// pageError makes a limit of the table that only a page token can have broken an error about that token.
func pageError(ctx context.Context, err error) error {
	if errors.Is(err, store.ErrLimit) {
		return field(ctx, "query.page", badPage)
	}
	return err
}

var badPage = text{"it is not one that Meibo gave: leave it out to begin at the first page", "Meiboが発行したものではありません: 指定せずに最初のページから始めてください"}

func consentText(lang string, e *oauth.RefusedError) string {
	if t, ok := consentWords[e.Code]; ok && lang == "ja" {
		return t.in(lang)
	}
	reason := e.Reason
	if _, rest, cut := strings.Cut(reason, e.Code+": "); cut {
		reason = rest
	}
	return reason + ": " + e.Cure
}

// sentence begins s with a capital letter and ends it with a stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	if s[0] < utf8.RuneSelf {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "。") {
		if s[len(s)-1] >= utf8.RuneSelf {
			return s + "。"
		}
		s += "."
	}
	return s
}
