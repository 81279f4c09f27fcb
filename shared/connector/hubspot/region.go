package hubspot

// regions are the countries of the time zones in which most accounts are. An account in another one has no region, and phone numbers
// without a country code are then compared as they are typed.
var regions = map[string]string{
	"Asia/Tokyo": "JP", "Asia/Seoul": "KR", "Asia/Shanghai": "CN", "Asia/Hong_Kong": "HK", "Asia/Taipei": "TW", "Asia/Singapore": "SG",
	"Asia/Kolkata": "IN", "Asia/Calcutta": "IN", "Asia/Bangkok": "TH", "Asia/Jakarta": "ID", "Asia/Manila": "PH", "Asia/Kuala_Lumpur": "MY",
	"Asia/Dubai": "AE", "Asia/Jerusalem": "IL", "Asia/Ho_Chi_Minh": "VN", "Australia/Sydney": "AU", "Australia/Melbourne": "AU",
	"Australia/Brisbane": "AU", "Australia/Perth": "AU", "Pacific/Auckland": "NZ", "Europe/London": "GB", "Europe/Dublin": "IE",
	"Europe/Lisbon": "PT", "Europe/Madrid": "ES", "Europe/Paris": "FR", "Europe/Brussels": "BE", "Europe/Amsterdam": "NL",
	"Europe/Luxembourg": "LU", "Europe/Berlin": "DE", "Europe/Zurich": "CH", "Europe/Vienna": "AT", "Europe/Rome": "IT",
	"Europe/Copenhagen": "DK", "Europe/Oslo": "NO", "Europe/Stockholm": "SE", "Europe/Helsinki": "FI", "Europe/Tallinn": "EE",
	"Europe/Riga": "LV", "Europe/Vilnius": "LT", "Europe/Warsaw": "PL", "Europe/Prague": "CZ", "Europe/Bratislava": "SK",
	"Europe/Budapest": "HU", "Europe/Bucharest": "RO", "Europe/Sofia": "BG", "Europe/Athens": "GR", "Europe/Istanbul": "TR",
	"Africa/Johannesburg": "ZA", "America/New_York": "US", "US/Eastern": "US", "America/Chicago": "US", "US/Central": "US",
	"America/Denver": "US", "US/Mountain": "US", "America/Los_Angeles": "US", "US/Pacific": "US", "America/Phoenix": "US",
	"America/Toronto": "CA", "America/Vancouver": "CA", "America/Mexico_City": "MX", "America/Sao_Paulo": "BR",
	"America/Argentina/Buenos_Aires": "AR", "America/Santiago": "CL", "America/Bogota": "CO",
}
