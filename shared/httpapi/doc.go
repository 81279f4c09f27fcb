// Package httpapi is Meibo's HTTP API (SPEC section 9, rules 4 and 5): it translates between HTTP and the packages that decide.
//
// The API describes itself as OpenAPI 3.1 at /openapi.json. Errors are RFC 9457 problem details, in the language of the
// Accept-Language header (Japanese or English), and name the field and the cure. Lists page with limit and page, and answer
// items and next. Every write takes an Idempotency-Key header: repeated with the same key within a day, it answers what it
// answered the first time. What belongs to another tenant and what does not exist give the same answer.
package httpapi
