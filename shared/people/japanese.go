package people

import (
	"fmt"
	"strings"

	"meibo/shared/record"
)

// named is a name with its reading and its form in Latin letters.
type named struct{ text, kana, latin string }

var japaneseFamilies = []named{
	{"佐藤", "サトウ", "sato"}, {"鈴木", "スズキ", "suzuki"}, {"高橋", "タカハシ", "takahashi"}, {"田中", "タナカ", "tanaka"},
	{"伊藤", "イトウ", "ito"}, {"渡辺", "ワタナベ", "watanabe"}, {"渡邊", "ワタナベ", "watanabe"}, {"山本", "ヤマモト", "yamamoto"},
	{"中村", "ナカムラ", "nakamura"}, {"小林", "コバヤシ", "kobayashi"}, {"加藤", "カトウ", "kato"}, {"吉田", "ヨシダ", "yoshida"},
	{"𠮷田", "ヨシダ", "yoshida"}, {"山田", "ヤマダ", "yamada"}, {"佐々木", "ササキ", "sasaki"}, {"山口", "ヤマグチ", "yamaguchi"},
	{"松本", "マツモト", "matsumoto"}, {"井上", "イノウエ", "inoue"}, {"木村", "キムラ", "kimura"}, {"林", "ハヤシ", "hayashi"},
	{"斎藤", "サイトウ", "saito"}, {"齋藤", "サイトウ", "saito"}, {"清水", "シミズ", "shimizu"}, {"山崎", "ヤマザキ", "yamazaki"},
	{"森", "モリ", "mori"}, {"池田", "イケダ", "ikeda"}, {"橋本", "ハシモト", "hashimoto"}, {"阿部", "アベ", "abe"},
	{"石川", "イシカワ", "ishikawa"}, {"前田", "マエダ", "maeda"}, {"藤田", "フジタ", "fujita"}, {"小川", "オガワ", "ogawa"},
	{"後藤", "ゴトウ", "goto"}, {"岡田", "オカダ", "okada"}, {"長谷川", "ハセガワ", "hasegawa"}, {"村上", "ムラカミ", "murakami"},
	{"近藤", "コンドウ", "kondo"}, {"石井", "イシイ", "ishii"}, {"遠藤", "エンドウ", "endo"}, {"坂本", "サカモト", "sakamoto"},
	{"青木", "アオキ", "aoki"}, {"藤井", "フジイ", "fujii"}, {"西村", "ニシムラ", "nishimura"}, {"福田", "フクダ", "fukuda"},
	{"太田", "オオタ", "ota"}, {"三浦", "ミウラ", "miura"}, {"髙島", "タカシマ", "takashima"}, {"原", "ハラ", "hara"},
	{"辻", "ツジ", "tsuji"}, {"五十嵐", "イガラシ", "igarashi"}, {"勅使河原", "テシガワラ", "teshigawara"}, {"東海林", "ショウジ", "shoji"},
}

var japaneseGivens = []named{
	{"翔太", "ショウタ", "shota"}, {"蓮", "レン", "ren"}, {"大輔", "ダイスケ", "daisuke"}, {"健一", "ケンイチ", "kenichi"},
	{"誠", "マコト", "makoto"}, {"浩", "ヒロシ", "hiroshi"}, {"直樹", "ナオキ", "naoki"}, {"拓也", "タクヤ", "takuya"},
	{"達也", "タツヤ", "tatsuya"}, {"隆", "タカシ", "takashi"}, {"学", "マナブ", "manabu"}, {"一郎", "イチロウ", "ichiro"},
	{"健太郎", "ケンタロウ", "kentaro"}, {"悠真", "ユウマ", "yuma"}, {"陽翔", "ハルト", "haruto"}, {"光", "ヒカル", "hikaru"},
	{"陽子", "ヨウコ", "yoko"}, {"裕子", "ユウコ", "yuko"}, {"美咲", "ミサキ", "misaki"}, {"さくら", "サクラ", "sakura"},
	{"結衣", "ユイ", "yui"}, {"葵", "アオイ", "aoi"}, {"愛", "アイ", "ai"}, {"恵", "メグミ", "megumi"},
	{"久美子", "クミコ", "kumiko"}, {"真由美", "マユミ", "mayumi"}, {"千尋", "チヒロ", "chihiro"}, {"ひなた", "ヒナタ", "hinata"},
	{"彩花", "アヤカ", "ayaka"}, {"智恵美", "チエミ", "chiemi"}, {"みどり", "ミドリ", "midori"}, {"薫", "カオル", "kaoru"},
	{"純", "ジュン", "jun"}, {"順子", "ジュンコ", "junko"}, {"ゆき", "ユキ", "yuki"}, {"幸", "ユキ", "yuki"},
	{"エリカ", "エリカ", "erika"}, {"ジョージ", "ジョージ", "george"}, {"真", "マコト", "makoto"}, {"ヴィヴィ", "ヴィヴィ", "vivi"},
}

var (
	companyStems = []string{
		"青葉", "若葉", "朝日野", "みなと", "北斗", "南風", "大和川", "富士見", "桜坂", "東雲", "銀河", "白鷺", "松風", "竹林", "梅花", "常磐",
		"瑞穂野", "千歳", "八雲", "高砂", "日向", "阿蘇", "筑波", "伊吹", "立山", "天城", "飛鳥", "浅間", "戸隠", "蔵王",
	}
	companyTrades = []string{
		"製作所", "商事", "電機", "工業", "システム", "ソフトウェア", "印刷", "食品", "運輸", "不動産", "建設", "設計事務所", "薬品", "物産",
		"テクノロジーズ", "デザイン", "出版", "鉄工", "水産", "農園", "観光", "コンサルティング", "法律事務所", "会計事務所", "クリニック", "証券",
	}
	companyForms      = []string{"株式会社%s", "%s株式会社", "有限会社%s", "%s合同会社", "一般社団法人%s", "株式会社 %s"}
	japaneseUnits     = []string{"営業部", "第一営業部", "総務部", "人事部", "経理部", "情報システム部", "開発本部 第二開発部", "広報室", "品質保証課", "海外事業部"}
	japaneseTitles    = []string{"部長", "課長", "係長", "主任", "代表取締役", "取締役 CTO", "執行役員", "担当", "室長", "代表取締役社長"}
	japaneseBuildings = []string{"青葉ビル3F", "みなとタワー 12階", "グリーンハイツ201号室", "第二富士ビル", "メゾン桜坂 ３０５"}
)

type place struct{ postal, region, city, street string }

var japanesePlaces = []place{
	{"150-0001", "東京都", "渋谷区", "神宮前"}, {"100-0005", "東京都", "千代田区", "丸の内"}, {"530-0001", "大阪府", "大阪市北区", "梅田"},
	{"604-8005", "京都府", "京都市中京区", "河原町通三条上る恵比須町"}, {"460-0008", "愛知県", "名古屋市中区", "栄"},
	{"810-0001", "福岡県", "福岡市中央区", "天神"}, {"060-0042", "北海道", "札幌市中央区", "大通西"}, {"980-0811", "宮城県", "仙台市青葉区", "一番町"},
	{"220-0012", "神奈川県", "横浜市西区", "みなとみらい"}, {"900-0015", "沖縄県", "那覇市", "久茂地"}, {"730-0011", "広島県", "広島市中区", "基町"},
	{"380-0921", "長野県", "長野市", "大字栗田"},
}

var japan = region{
	workDomains: []string{"example.jp", "tokyo.example.jp", "osaka.example.jp", "example.com"},
	nicknames:   []string{"たっくん", "ケンちゃん", "さくちゃん", "部長", "ノブ"},
	notes: []string{
		"展示会で名刺交換。", "年末の挨拶は直接訪問すること。\n担当: 佐藤", "請求書は毎月末締め、翌月末払い。", "前任の高橋様から引き継ぎ。", "英語可。電話は午後がよい。",
	},
	relatives: []string{"花子", "太一", "美和"},
	phone:     japanesePhone,
}

func (g *maker) japanese() {
	g.home = japan
	family, given := pick(g, japaneseFamilies), pick(g, japaneseGivens)
	g.latin = family.latin + "." + given.latin
	g.set(record.NameFamily, family.text)
	g.set(record.NameGiven, given.text)
	if g.percent(80) {
		g.set(record.NamePhoneticFamily, family.kana)
		g.set(record.NamePhoneticGiven, given.kana)
	}
	if g.percent(85) {
		g.set(record.OrgName, fmt.Sprintf(pick(g, companyForms), pick(g, companyStems)+pick(g, companyTrades)))
		if g.percent(70) {
			g.set(record.OrgDepartment, pick(g, japaneseUnits))
		}
		if g.percent(60) {
			g.set(record.OrgTitle, pick(g, japaneseTitles))
		}
	}
	if g.percent(60) {
		g.japaneseAddress(record.LabelWork)
	}
	if g.percent(15) {
		g.japaneseAddress(record.LabelHome)
	}
}

func (g *maker) japaneseAddress(label string) {
	p := pick(g, japanesePlaces)
	block := fmt.Sprintf("%d-%d-%d", 1+g.IntN(9), 1+g.IntN(40), 1+g.IntN(30))
	switch g.IntN(4) {
	case 0:
		block = fullWidth(strings.ReplaceAll(block, "-", "－"))
	case 1:
		block = fmt.Sprintf("%d丁目%d番%d号", 1+g.IntN(9), 1+g.IntN(40), 1+g.IntN(30))
	}
	street := p.street + block
	if g.percent(40) {
		street += "\n" + pick(g, japaneseBuildings)
	}
	g.add(record.Address, record.Value{Label: label, Parts: map[record.Part]string{
		record.PartPostal: p.postal, record.PartRegion: p.region, record.PartCity: p.city, record.PartStreet: street, record.PartCountry: "日本",
	}})
}

// fullWidth writes ASCII digits and letters in their full-width forms.
func fullWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r <= '~' {
			return r - '!' + '！'
		}
		return r
	}, s)
}

// japanesePhone gives 090/080/070 numbers, and landlines of Tokyo and Osaka.
func japanesePhone(g *maker, kind phoneKind, serial uint64) string {
	n := scatter(serial)
	if kind == mobilePhone {
		area := []string{"90", "80", "70"}[n%3]
		return japaneseStyles[g.IntN(len(japaneseStyles))](area, fmt.Sprintf("%d%03d", 1+n/1000%9, n%1000), fmt.Sprintf("%04d", n/10000))
	}
	area := []string{"3", "6"}[n%2]
	return japaneseStyles[g.IntN(len(japaneseStyles))](area, fmt.Sprintf("%d%03d", 5+n/1000%2, n%1000), fmt.Sprintf("%04d", n/10000))
}

// japaneseStyles are the ways in which the same number is typed.
var japaneseStyles = []func(area, a, b string) string{
	func(area, a, b string) string { return "0" + area + "-" + a + "-" + b },
	func(area, a, b string) string { return "0" + area + "-" + a + "-" + b }, // by far the most common
	func(area, a, b string) string { return "+81 " + area + "-" + a + "-" + b },
	func(area, a, b string) string { return "+81" + area + a + b },
	func(area, a, b string) string { return "0" + area + a + b },
	func(area, a, b string) string { return "0" + area + "(" + a + ")" + b },
	func(area, a, b string) string { return fullWidth("0" + area + "-" + a + "-" + b) },
}
