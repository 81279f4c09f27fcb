package entra

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"golang.org/x/oauth2"

	"meibo/shared/connector"
	"meibo/shared/oauth"
)

// tokenError maps what the token endpoint answered (sheet 2.5). It branches on error; the numbers only make the message better. Nothing
// else of the answer is kept: it may hold a token.
func tokenError(ctx context.Context, err error, consenting bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) {
		return fmt.Errorf("%w: Microsoft's authorisation server gave no complete answer", connector.ErrTransient)
	}
	switch r.ErrorCode {
	case "invalid_grant", "interaction_required", "consent_required":
		told := Numbers(r.ErrorDescription)
		if !consenting {
			return LossOf(told)
		}
		if refused := RefusedFor(told); refused != nil {
			return refused
		}
		return oauth.ErrRevoked
	case "invalid_client", "unauthorized_client":
		return oauth.ErrClient
	}
	status := 0
	if r.Response != nil {
		status = r.Response.StatusCode
	}
	return fmt.Errorf("%w: Microsoft's authorisation server answered with HTTP status %d", connector.ErrTransient, status)
}

// Numbers returns the AADSTS numbers in a description.
func Numbers(description string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`AADSTS(\d{4,8})\b`).FindAllStringSubmatch(description, 5) {
		all = append(all, m[1])
	}
	return all
}

// reason is what a group of AADSTS numbers means for the person who connects (sheet 2.6).
type reason struct {
	code, why, cure string
	numbers         []string
}

func reasons() []reason {
	return []reason{
		{"denied", "the consent at Microsoft was not given", "connect again and allow all that is asked for",
			[]string{"65001", "65004"}},
		{"admin_consent", "this company lets only its administrators approve applications",
			"ask the Microsoft 365 administrator to approve Meibo for the company, then connect again",
			[]string{"90094", "90095", "90008"}},
		{"wrong_account", "this Microsoft account cannot be used here: it belongs to another directory, or is of a kind that is not allowed",
			"choose another account when you connect, or ask the Microsoft 365 administrator to let this user use Meibo",
			[]string{"50020", "500208", "16000", "50034", "51004", "90072", "50105", "700005"}},
		{"not_in_company", "Meibo is not available in this company's directory", "ask the Microsoft 365 administrator to approve Meibo for the company, then connect again",
			[]string{"700016", "500011", "650051", "650052", "650056", "650057"}},
		{"switched_off", "the administrator has switched Meibo off for this company", "ask the Microsoft 365 administrator to enable Meibo",
			[]string{"70001", "7000112"}},
		{"disabled_user", "this Microsoft account is disabled", "ask the Microsoft 365 administrator to enable it, or choose another account",
			[]string{"50057"}},
		{"extra_step", "the company asks for an additional step to sign in", "connect again and complete the step; if that is not offered, ask the Microsoft 365 administrator whether Meibo is allowed on this device",
			[]string{"50074", "50076", "50078", "50079", "53000", "53001", "53003", "530032"}},
		{"code", "Microsoft no longer accepts this consent", "connect again", []string{"54005"}},
	}
}

// RefusedFor returns what numbers mean for the person who connects, nil if none of them is known.
func RefusedFor(numbers []string) error {
	for _, r := range reasons() {
		if slices.ContainsFunc(numbers, func(n string) bool { return slices.Contains(r.numbers, n) }) {
			return &oauth.RefusedError{Code: r.code, Reason: r.why, Cure: r.cure}
		}
	}
	return nil
}

// LossOf returns why a grant that held before does no longer: nobody but an administrator can cure the two that have a reason of their
// own.
func LossOf(numbers []string) error {
	has := func(of ...string) bool {
		return slices.ContainsFunc(numbers, func(n string) bool { return slices.Contains(of, n) })
	}
	switch {
	case has("65001", "90094", "90095", "90008", "650051", "650052", "650056", "650057", "500011", "700016", "70001", "7000112", "7000229"):
		return &oauth.RefusedError{Code: oauth.AdminWithdrawn, Reason: "the consent for Meibo no longer holds in this company's directory",
			Cure: "have the Microsoft 365 administrator consent for the company again, then connect the account again"}
	case has("53000", "53001", "53003", "530032"):
		return &oauth.RefusedError{Code: oauth.AdminBlocked, Reason: "a Conditional Access rule of this company's directory blocks Meibo",
			Cure: "have the Microsoft 365 administrator admit the addresses that Meibo comes from, then connect the account again"}
	}
	return oauth.ErrRevoked
}
