package httpapi

import (
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// localise is a huma transformer: it turns the framework's own errors into problems in the language of the request. The
// values that the framework repeats are left out: a request can hold what must not come back or be logged.
func (s *Server) localise(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	c := ctx.Context()
	switch m.Status {
	case malformed.status:
		return malformed.say(c), nil
	case tooLarge.status:
		return tooLarge.say(c, MaxBody), nil
	case wrongMedia.status:
		return wrongMedia.say(c), nil
	case invalid.status:
		p := invalid.say(c)
		for _, e := range m.Errors {
			p.Errors = append(p.Errors, FieldError{locate(e), explain(langOf(c), e.Message)})
		}
		return p, nil
	default:
		p := internal.say(c)
		p.Status = m.Status
		return p, nil
	}
}

// locate returns where the error is, with the name of a missing field at its end: the framework names only the object.
func locate(e *huma.ErrorDetail) string {
	if m := required.FindStringSubmatch(e.Message); m != nil {
		return e.Location + "." + m[1]
	}
	return e.Location
}

var required = regexp.MustCompile(`^expected required property (\S+) to be present$`)

// explanations are the framework's messages that a request can meet here, each with the cure. A message stands for its
// arguments in the order in which it has them.
var explanations = []struct {
	format string
	say    text
}{
	{validation.MsgUnexpectedProperty, text{"there is no such field: take it out, or correct its name", "この項目はありません。削除するか、名前を確認してください"}},
	{validation.MsgExpectedRequiredProperty, text{"%s is missing: give it", "%s がありません。指定してください"}},
	{validation.MsgExpectedString, text{"give a text", "文字列を指定してください"}},
	{validation.MsgExpectedBoolean, text{"give true or false", "true か false を指定してください"}},
	{validation.MsgExpectedInteger, text{"give a whole number", "整数を指定してください"}},
	{validation.MsgExpectedNumber, text{"give a number", "数値を指定してください"}},
	{validation.MsgExpectedArray, text{"give a list", "配列を指定してください"}},
	{validation.MsgExpectedObject, text{"give an object", "オブジェクトを指定してください"}},
	{validation.MsgExpectedOneOf, text{"choose one of: %s", "次のいずれかを指定してください: %s"}},
	{validation.MsgExpectedMinimumNumber, text{"give at least %s", "%s 以上を指定してください"}},
	{validation.MsgExpectedMaximumNumber, text{"give at most %s", "%s 以下を指定してください"}},
	{validation.MsgExpectedMinLength, text{"give at least %s characters", "%s 文字以上で指定してください"}},
	{validation.MsgExpectedMaxLength, text{"give at most %s characters", "%s 文字以内で指定してください"}},
	{validation.MsgExpectedMinItems, text{"give at least %s entries", "%s 件以上を指定してください"}},
	{validation.MsgExpectedMaxItems, text{"give at most %s entries", "%s 件以内で指定してください"}},
	{validation.MsgExpectedMinProperties, text{"give at least %s field", "項目を %s つ以上指定してください"}},
	{validation.MsgExpectedArrayItemsUnique, text{"the list has an entry twice: keep one of them", "同じ値が重複しています。1つにしてください"}},
	{validation.MsgExpectedRFC5322Email, text{"give an e-mail address such as name@example.com", "name@example.com のようなメールアドレスを指定してください"}},
	{validation.MsgExpectedMatchPattern, text{"give it in the form %s", "%s の形式で指定してください"}},
	{"invalid integer", text{"give a whole number", "整数を指定してください"}},
	{"unknown query parameter", text{"there is no such parameter: take it out, or correct its name", "このパラメーターはありません。削除するか、名前を確認してください"}},
	{"required query parameter is missing", text{"it is missing: give it", "指定されていません。指定してください"}},
	{"required header parameter is missing", text{"it is missing: give it", "指定されていません。指定してください"}},
}

var verbs = regexp.MustCompile(`%[dvs]`)

// explain returns the message in lang. One that is not in the table is returned as it is, in English.
func explain(lang, message string) string {
	for _, e := range explanations {
		pattern := "^" + verbs.ReplaceAllString(regexp.QuoteMeta(e.format), "(.*)") + "$"
		m := regexp.MustCompile(pattern).FindStringSubmatch(message)
		if m == nil {
			continue
		}
		args := []any{}
		for _, a := range m[1:] {
			args = append(args, strings.ReplaceAll(strings.Trim(a, `"`), `", "`, ", "))
		}
		n := strings.Count(e.say.en, "%s")
		return e.say.in(lang, slices.Clone(args[:min(n, len(args))])...)
	}
	return message
}
