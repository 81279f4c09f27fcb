package contactfile

import "meibo/shared/record"

// outlookColumns has the headings of Outlook's export in English and Japanese, in the form that heading gives them. Windows versions
// differ in a few words; all are here.
var outlookColumns = buildOutlookColumns()

func buildOutlookColumns() map[string]column {
	all := map[string]column{}
	put := func(c column, headings ...string) {
		for _, h := range headings {
			all[heading(h)] = c
		}
	}
	text := func(k record.Key, headings ...string) { put(column{key: k, how: asText}, headings...) }
	value := func(k record.Key, label string, headings ...string) {
		put(column{key: k, label: label, how: asValue}, headings...)
	}

	text(record.NamePrefix, "Title", "敬称", "肩書き")
	text(record.NameGiven, "First Name", "名")
	text(record.NameMiddle, "Middle Name", "ミドル ネーム", "ミドルネーム")
	text(record.NameFamily, "Last Name", "姓")
	text(record.NameSuffix, "Suffix", "サフィックス", "名前の接尾語")
	text(record.NamePhoneticGiven, "Given Yomi", "Given Name Yomi", "名フリガナ", "名 (フリガナ)", "フリガナ (名)", "名のフリガナ", "名 (ふりがな)")
	text(record.NamePhoneticFamily, "Surname Yomi", "Last Name Yomi", "姓フリガナ", "姓 (フリガナ)", "フリガナ (姓)", "姓のフリガナ", "姓 (ふりがな)")
	text(record.Nickname, "Nickname", "ニックネーム")
	text(record.OrgName, "Company", "会社名", "会社", "勤務先")
	text(record.OrgDepartment, "Department", "部署")
	text(record.OrgTitle, "Job Title", "役職")
	text(record.Note, "Notes", "メモ")

	value(record.Email, record.LabelWork, "E-mail Address", "電子メール アドレス", "電子メール", "メール アドレス")
	value(record.Email, record.LabelOther, "E-mail 2 Address", "E-mail 3 Address", "電子メール 2 アドレス", "電子メール 3 アドレス",
		"メール アドレス 2", "メール アドレス 3")

	value(record.Phone, record.LabelWork, "Business Phone", "Business Phone 2", "会社電話", "会社電話 2", "会社の電話", "会社の電話 2")
	value(record.Phone, record.LabelHome, "Home Phone", "Home Phone 2", "自宅電話", "自宅電話 2", "自宅の電話", "自宅の電話 2", "自宅電話番号")
	value(record.Phone, record.LabelMobile, "Mobile Phone", "携帯電話")
	value(record.Phone, record.LabelMain, "Company Main Phone", "会社代表電話", "会社の代表電話")
	value(record.Phone, record.LabelAssistant, "Assistant's Phone", "秘書の電話", "アシスタントの電話", "アシスタント電話")
	value(record.Phone, record.LabelWorkFax, "Business Fax", "会社 FAX", "会社のファックス", "会社ファックス")
	value(record.Phone, record.LabelHomeFax, "Home Fax", "自宅 FAX", "自宅のファックス", "自宅ファックス")
	value(record.Phone, record.LabelOtherFax, "Other Fax", "その他の FAX", "その他のファックス")
	value(record.Phone, record.LabelOther, "Other Phone", "その他の電話")
	value(record.Phone, record.LabelPager, "Pager", "ポケットベル", "ポケベル")
	value(record.Phone, "car", "Car Phone", "自動車電話")
	value(record.Phone, "callback", "Callback", "コールバック")
	value(record.Phone, "primary", "Primary Phone", "優先電話", "通常の電話")
	value(record.Phone, "radio", "Radio Phone", "無線電話")
	value(record.Phone, "isdn", "ISDN")
	value(record.Phone, "telex", "Telex", "テレックス")
	value(record.Phone, "tty", "TTY/TDD Phone", "TTY/TDD")

	value(record.URL, record.LabelWork, "Web Page", "Web ページ", "ホーム ページ")
	value(record.IM, "", "IM Address", "IM アドレス")
	value(record.Relation, "spouse", "Spouse", "配偶者")
	value(record.Relation, "child", "Children", "子供")
	value(record.Relation, "manager", "Manager's Name", "上司の氏名", "上司の名前", "上司")
	value(record.Relation, "assistant", "Assistant's Name", "秘書の氏名", "アシスタントの名前", "アシスタントの氏名")
	put(column{key: record.Birthday, how: asDate}, "Birthday", "誕生日")
	put(column{key: record.Event, label: record.LabelJubilee, how: asDate}, "Anniversary", "記念日")
	put(column{how: asGroups}, "Categories", "分類項目", "分類")
	put(column{how: asNothing}, "E-mail Type", "E-mail 2 Type", "E-mail 3 Type", "電子メールの種類", "電子メール 2 の種類", "電子メール 3 の種類",
		"E-mail Display Name", "E-mail 2 Display Name", "E-mail 3 Display Name", "電子メール表示名", "電子メール 2 表示名", "電子メール 3 表示名",
		"Display Name", "表示名", "Initials", "イニシャル")

	for _, place := range []struct{ label, en, ja string }{
		{record.LabelWork, "Business", "会社"}, {record.LabelHome, "Home", "自宅"}, {record.LabelOther, "Other", "その他"},
	} {
		part := func(p record.Part, order int, headings ...string) {
			put(column{label: place.label, part: p, order: order, how: asPart}, headings...)
		}
		paren := " (" + place.ja + ")"
		part(record.PartStreet, 0, place.en+" Street", "番地"+paren)
		part(record.PartStreet, 1, place.en+" Street 2", "番地 2"+paren)
		part(record.PartStreet, 2, place.en+" Street 3", "番地 3"+paren)
		part(record.PartCity, 0, place.en+" City", "市区町村"+paren)
		part(record.PartRegion, 0, place.en+" State", "都道府県"+paren)
		part(record.PartPostal, 0, place.en+" Postal Code", "郵便番号"+paren)
		part(record.PartCountry, 0, place.en+" Country/Region", place.en+" Country", "国"+paren+"/地域", "国/地域"+paren, "国"+paren)
		part(record.PartPOBox, 0, place.en+" Address PO Box", "私書箱"+paren, "住所 - 私書箱"+paren)
	}
	return all
}
