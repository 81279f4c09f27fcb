package state

import (
	"strings"

	"meibo/shared/plan"
)

// Why a record is parked, detached, missing or skipped. Each has words in reasonText.
const (
	CodeReview        = "review"           // waits for a person's decision
	CodeIgnored       = "ignored"          // a person said to leave it alone
	CodeLeftScope     = "left_scope"       // no longer in the chosen group or list
	CodeImported      = "imported"         // came in by import, and the connection leaves those out
	CodeNoEmail       = "no_email"         // the connection syncs only records with an e-mail address
	CodeRefused       = "refused"          // the vendor refuses it
	CodeForbidden     = "forbidden"        // the account's user may not write it
	CodeFull          = "full"             // the account can hold no more records
	CodeWaiting       = "waiting"          // a write's outcome is not known yet
	CodeCap           = "cap"              // held back by a cap
	CodeDeletedKept   = "deleted_kept"     // deleted on one side, kept on the other
	CodeMissing       = "missing"          // not seen on one side, and not proven deleted
	CodeClaimed       = "claimed"          // its partner belongs to another link
	CodeDuplicate     = "duplicate"        // the vendor says that it has such a record
	CodeOneWay        = "one_way"          // made on the side that this direction does not read
	CodeDiscarded     = "deletion_dropped" // a person decided against deleting it
	CodeEmpty         = "empty"            // none of the mapped fields has a value
	CodeGroupElsewere = "outside_group"    // its likely partner is outside the chosen group
	CodeRemoved       = "removed"          // taken out of the book when the connection was stopped
	CodePhoto         = "photo_refused"    // in sync, but the CRM does not take its picture
)

// Text returns the words for a reason code in lang ("ja" or, for anything else, English), with what cures it.
func Text(code, lang string) string {
	t, ok := reasonText[code]
	if !ok {
		t = reasonText[CodeRefused]
	}
	if strings.HasPrefix(lang, "ja") {
		return t.ja
	}
	return t.en
}

var reasonText = map[string]struct{ en, ja string }{
	CodeReview:          {"May be the same person as another record. Decide in the review list.", "別のレコードと同一人物の可能性があります。確認リストで選択してください。"},
	CodeIgnored:         {"Left alone, as you decided. It is looked at again when it changes.", "選択に従い、同期していません。変更があれば再度確認します。"},
	CodeLeftScope:       {"No longer in the chosen group or list. Nothing was deleted; put it back to sync it again.", "選択したグループまたはリストから外れました。削除はしていません。元に戻すと同期を再開します。"},
	CodeImported:        {"Came in by import. Change it once in the CRM to sync it, or include imported records in the settings.", "インポートで登録されたレコードです。CRMで一度更新するか、設定でインポート分を対象にしてください。"},
	CodeNoEmail:         {"Has no valid e-mail address, and this connection syncs only records with one.", "有効なメールアドレスがありません。この接続はメールアドレスのあるレコードのみ同期します。"},
	CodeRefused:         {"The other system refuses it. Correct the named field and it is tried again.", "連携先が受け付けませんでした。表示された項目を修正すると再試行します。"},
	CodeForbidden:       {"The connected user may not write it. Ask the administrator of that system for the permission.", "接続したユーザーに書き込み権限がありません。連携先の管理者に権限を依頼してください。"},
	CodeFull:            {"The other account can hold no more contacts. Delete some there; it is tried again.", "連携先アカウントの連絡先が上限に達しています。連携先で整理すると再試行します。"},
	CodeWaiting:         {"The other system did not say whether it was written. Meibo looks again before it does anything.", "書き込みの結果を確認中です。確認できるまで何もしません。"},
	CodeCap:             {"Held back by the limit of records per run. It goes with a later run.", "1回あたりの件数上限により保留中です。次回以降に同期します。"},
	CodeDeletedKept:     {"Deleted on one side and kept on the other, as this connection is set.", "一方で削除されましたが、設定によりもう一方では保持しています。"},
	CodeMissing:         {"Not seen on one side, and not proven to be deleted. Nothing was deleted; Meibo keeps looking.", "一方で見つかりませんが、削除とは確認できていません。削除はせず確認を続けます。"},
	CodeClaimed:         {"Its partner is synced with another record. Remove the duplicate, or separate the two.", "相手のレコードは別のレコードと同期中です。重複を解消してください。"},
	CodeDuplicate:       {"The other system has a record with the same unique value. Merge the two there, or change the value.", "連携先に同じ一意の値を持つレコードがあります。統合するか値を変更してください。"},
	CodeOneWay:          {"On the side that this direction does not read. Choose two-way sync to take it along.", "この同期方向の対象外です。双方向同期にすると対象になります。"},
	CodeDiscarded:       {"Deleted on one side; you decided to keep it on the other.", "一方で削除されましたが、選択に従いもう一方では保持しています。"},
	CodeEmpty:           {"None of the mapped fields has a value.", "マッピング対象の項目に値がありません。"},
	plan.ReviewSeveral:  {"Several records on the other side could be the same person. Choose the right one in the review list.", "同一人物と思われるレコードが相手側に複数あります。確認リストで正しいものを選択してください。"},
	plan.ReviewNames:    {"Another record has the same e-mail address under a different name. Say in the review list whether they are the same person.", "同じメールアドレスで名前の異なるレコードがあります。同一人物かどうかを確認リストで選択してください。"},
	plan.ReviewPhone:    {"Another record has the same phone number and nothing else in common. Say in the review list whether they are the same person.", "電話番号だけが一致するレコードがあります。同一人物かどうかを確認リストで選択してください。"},
	plan.ReviewNameOnly: {"Another record has the same name, and nothing else tells whether it is the same person. Decide in the review list.", "名前だけが一致するレコードがあります。同一人物かどうかを確認リストで選択してください。"},
	plan.ReviewLinked:   {"Looks like a record that is synced already. Link it or keep it separate in the review list.", "すでに同期中のレコードと似ています。同一人物か別人かを確認リストで選択してください。"},
	CodeRemoved:         {"Taken out of the address book when the connection was stopped. The CRM keeps it.", "接続の停止に伴いアドレス帳から削除しました。CRMのレコードは残っています。"},
	CodePhoto:           {"In sync without its photo, which the CRM refuses. Choose another photo in the address book and it is tried again.", "写真以外は同期済みです。CRMが写真を受け付けませんでした。アドレス帳で写真を変更すると再試行します。"},
	CodeGroupElsewere:   {"Its likely partner is outside the chosen group. Decide in the review list.", "一致する可能性のあるレコードが選択したグループの外にあります。確認リストで選択してください。"},
}
