package httpapi

import "net/http"

// The kinds of problem that the API itself finds. Those of other packages are in translate.go.
var (
	unauthenticated = kind{
		code: "unauthenticated", status: http.StatusUnauthorized,
		title:  text{"Not signed in", "サインインしていません"},
		detail: text{"The request has no valid access token.", "有効なアクセストークンがありません。"},
		cure:   text{"Sign in again and send the token as \"Authorization: Bearer …\".", "サインインし直し、「Authorization: Bearer …」ヘッダーでトークンを送ってください。"},
	}
	noRoute = kind{
		code: "no_such_route", status: http.StatusNotFound,
		title:  text{"No such address", "アドレスがありません"},
		detail: text{"The API has nothing at this address.", "このアドレスには何もありません。"},
		cure:   text{"See /openapi.json for what it has.", "/openapi.json を確認してください。"},
	}
	wrongMethod = kind{
		code: "method_not_allowed", status: http.StatusMethodNotAllowed,
		title:  text{"Method not allowed", "このメソッドは使えません"},
		detail: text{"This address does not take this method; it takes: %s.", "このアドレスではこのメソッドは使えません。使えるメソッド: %s"},
		cure:   text{"See /openapi.json for what it takes.", "/openapi.json を確認してください。"},
	}
	notFound = kind{
		code: "not_found", status: http.StatusNotFound,
		title:  text{"Not found", "見つかりません"},
		detail: text{"There is no such thing, or you may not see it.", "存在しないか、表示する権限がありません。"},
		cure:   text{"Check the id, or ask an admin of the company for access.", "IDを確認するか、会社の管理者に権限を依頼してください。"},
	}
	forbidden = kind{
		code: "forbidden", status: http.StatusForbidden,
		title:  text{"Not permitted", "権限がありません"},
		detail: text{"Your role or permissions do not allow this.", "あなたのロールまたは権限では実行できません。"},
		cure:   text{"Ask an admin of the company to do it, or for the permission.", "会社の管理者に実行または権限の付与を依頼してください。"},
	}
	malformed = kind{
		code: "malformed", status: http.StatusBadRequest,
		title:  text{"The request cannot be read", "リクエストを読み取れません"},
		detail: text{"The request's body is missing or is not JSON.", "リクエストの本文がないか、JSONではありません。"},
		cure:   text{"Send one JSON object as /openapi.json describes it.", "/openapi.json のとおりに1つのJSONオブジェクトを送ってください。"},
	}
	tooLarge = kind{
		code: "too_large", status: http.StatusRequestEntityTooLarge,
		title:  text{"The request is too large", "リクエストが大きすぎます"},
		detail: text{"The body is over the limit of %d bytes.", "本文が上限の%dバイトを超えています。"},
		cure:   text{"Send less at once.", "分けて送ってください。"},
	}
	wrongMedia = kind{
		code: "unsupported_media_type", status: http.StatusUnsupportedMediaType,
		title:  text{"The body's type is not supported", "本文の形式に対応していません"},
		detail: text{"The API takes JSON only.", "JSONのみ受け付けます。"},
		cure:   text{"Send \"Content-Type: application/json\".", "「Content-Type: application/json」を指定してください。"},
	}
	invalid = kind{
		code: "invalid", status: http.StatusUnprocessableEntity,
		title:  text{"The request is not valid", "リクエストの内容が正しくありません"},
		detail: text{"Nothing was changed. See errors for each field and its cure.", "何も変更されていません。項目ごとの理由と対処は errors を確認してください。"},
	}
	keyReused = kind{
		code: "idempotency_key_reused", status: http.StatusUnprocessableEntity,
		title:  text{"The Idempotency-Key was used for another request", "Idempotency-Keyは別のリクエストで使用済みです"},
		detail: text{"The same key came before with other content. Nothing was changed.", "同じキーが異なる内容で使われています。何も変更されていません。"},
		cure:   text{"Use a new key for a new request.", "新しいリクエストには新しいキーを使ってください。"},
	}
	keyBusy = kind{
		code: "idempotency_key_busy", status: http.StatusConflict,
		title:  text{"The same request is being carried out", "同じリクエストを処理中です"},
		detail: text{"A request with this Idempotency-Key has begun and not ended.", "このIdempotency-Keyのリクエストはまだ終わっていません。"},
		cure:   text{"Send it again with the same key in a moment.", "少し待ってから、同じキーで送り直してください。"},
	}
	conflict = kind{
		code: "conflict", status: http.StatusConflict,
		title:  text{"Somebody else changed it at the same time", "同時に別の変更がありました"},
		detail: text{"It was changed since it was read. Nothing was changed by this request.", "読み取った後に変更されています。このリクエストでは何も変更されていません。"},
		cure:   text{"Read it again and repeat the change.", "読み直してから、もう一度変更してください。"},
	}
	refused = kind{
		code: "refused", status: http.StatusConflict,
		title: text{"Not possible now", "今は実行できません"},
	}
	busy = kind{
		code: "busy", status: http.StatusServiceUnavailable,
		title:  text{"Too busy for a moment", "一時的に混み合っています"},
		detail: text{"Nothing was changed.", "何も変更されていません。"},
		cure:   text{"Send the request again in a moment.", "少し待ってから、もう一度送ってください。"},
	}
	internal = kind{
		code: "internal", status: http.StatusInternalServerError,
		title:  text{"Internal error", "内部エラー"},
		detail: text{"Something went wrong on our side.", "サーバー側で問題が発生しました。"},
		cure:   text{"Try again; if it stays, give the operator the number in instance.", "もう一度お試しください。続く場合は、instance の番号を運用担当者に伝えてください。"},
	}
	systemAuth = kind{
		code: "account_needs_reauth", status: http.StatusConflict,
		title:  text{"The account must be connected again", "アカウントの再接続が必要です"},
		detail: text{"%s no longer accepts Meibo's authorisation.", "%sがMeiboの認可を受け付けなくなりました。"},
		cure:   text{"Connect the account again (POST …/accounts with reconnect).", "アカウントを再接続してください(POST …/accounts に reconnect を指定)。"},
	}
	systemForbidden = kind{
		code: "system_forbids", status: http.StatusForbidden,
		title:  text{"The system does not allow it", "接続先で許可されていません"},
		detail: text{"%s does not let this account do that.", "%sでこのアカウントには許可されていません。"},
		cure:   text{"Ask the administrator of that system for the permission.", "そのシステムの管理者に権限を依頼してください。"},
	}
	systemBusy = kind{
		code: "system_busy", status: http.StatusServiceUnavailable,
		title:  text{"The system asks to wait", "接続先が混み合っています"},
		detail: text{"The account's system does not answer for a moment.", "アカウントの接続先が一時的に応答しません。"},
		cure:   text{"Try again later.", "しばらくしてからもう一度お試しください。"},
	}
	systemConfig = kind{
		code: "system_registration", status: http.StatusServiceUnavailable,
		title:  text{"The system is not set up here", "接続先の設定が完了していません"},
		detail: text{"Meibo's own registration with the system is missing or not in order.", "Meibo側のクライアント登録がないか、正しくありません。"},
		cure:   text{"Ask the operator of this installation to check it.", "この環境の運用担当者に確認を依頼してください。"},
	}
)
