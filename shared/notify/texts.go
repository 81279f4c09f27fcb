package notify

import "fmt"

// Reconnect tells a member that an account must be connected again (BX13). language is "ja" or "en"; system and account are what the
// member calls them, and where is the address of this installation.
func Reconnect(language, system, account, where string) (subject, text string) {
	if language == "ja" {
		return fmt.Sprintf("【Meibo】%sの再接続が必要です", system),
			fmt.Sprintf("%s（%s）がMeiboの認可を受け付けなくなったため、連絡先の同期を止めています。\n\n"+
				"データは失われていません。次のMeiboで同じアカウントをもう一度接続すると、止まったところから再開します。\n%s\n\n"+
				"心当たりがない場合は、会社の管理者にお問い合わせください。\n", system, account, where)
	}
	return fmt.Sprintf("Meibo: connect %s again", system),
		fmt.Sprintf("%s (%s) no longer accepts Meibo's authorisation, so the sync of your contacts has stopped.\n\n"+
			"Nothing is lost. Connect the same account again in your company's Meibo, and it goes on where it stopped:\n%s\n\n"+
			"If you did not expect this, ask your company's administrator.\n", system, account, where)
}
