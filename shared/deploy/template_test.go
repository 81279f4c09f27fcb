package deploy_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/getkin/kin-openapi/openapi3"

	"meibo/shared/cloud"
	"meibo/shared/deploy"
	"meibo/shared/engine"
	"meibo/shared/httpapi"
	"meibo/shared/queue"
	"meibo/shared/schedule"
	"meibo/shared/state"
	"meibo/shared/system"
)

func load(t *testing.T) *deploy.Template {
	t.Helper()
	tpl, err := deploy.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

// folders are the functions that are deployed: every folder of functions/ but the local edition.
func folders(t *testing.T, tpl *deploy.Template) []string {
	t.Helper()
	found, err := os.ReadDir(filepath.Join(tpl.Root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range found {
		if f.IsDir() && f.Name() != "local" {
			names = append(names, f.Name())
		}
	}
	return names
}

func TestFunctions(t *testing.T) {
	tpl := load(t)
	in := tpl.Functions()
	have := folders(t, tpl)
	for _, f := range have {
		t.Run("functions/"+f+" is deployed", func(t *testing.T) {
			if in[f] == "" {
				t.Errorf("template.yaml has no function with CodeUri functions/%s", f)
			}
			if _, err := os.Stat(filepath.Join(tpl.Root, "functions", f, "main.go")); err != nil {
				t.Error(err)
			}
		})
	}
	roles := map[string]string{}
	for f, name := range in {
		t.Run(name+" fits the code", func(t *testing.T) {
			r := tpl.Resources[name]
			if !slices.Contains(have, f) {
				t.Errorf("there is no folder functions/%s", f)
			}
			if got := r.Metadata["BuildMethod"]; got != "go1.x" {
				t.Errorf("BuildMethod %v, want go1.x", got)
			}
			if got := sub(r.Properties["FunctionName"]); got != "${AWS::StackName}-"+f {
				t.Errorf("FunctionName %q, want the stack's name and the folder's", got)
			}
			if timeout, ok := r.Properties["Timeout"].(int); !ok || timeout < 1 || timeout > 900 {
				t.Errorf("Timeout %v, want seconds up to 900", r.Properties["Timeout"])
			}
			logs, _ := r.Properties["LoggingConfig"].(map[string]any)
			group := tpl.Resources[deploy.Target(logs["LogGroup"])]
			if group.Type != "AWS::Logs::LogGroup" || group.Properties["RetentionInDays"] == nil {
				t.Errorf("it has no log group with a retention")
			}
			role := deploy.Target(r.Properties["Role"])
			if tpl.Resources[role].Type != "AWS::IAM::Role" {
				t.Errorf("its role %q is none of the template", role)
			}
			if other, taken := roles[role]; taken {
				t.Errorf("it shares the role %s with %s", role, other)
			}
			roles[role] = name
		})
	}
}

func sub(v any) string {
	m, _ := v.(map[string]any)
	s, _ := m["Fn::Sub"].(string)
	return s
}

func TestRuntime(t *testing.T) {
	tpl := load(t)
	g, _ := tpl.Globals["Function"].(map[string]any)
	if g["Runtime"] != "provided.al2023" || g["Handler"] != "bootstrap" {
		t.Errorf("runtime %v with handler %v, want provided.al2023 with bootstrap", g["Runtime"], g["Handler"])
	}
	if archs, _ := g["Architectures"].([]any); len(archs) != 1 || archs[0] != "arm64" {
		t.Errorf("architectures %v, want arm64", g["Architectures"])
	}
	env, _ := g["Environment"].(map[string]any)
	vars, _ := env["Variables"].(map[string]any)
	if len(vars) == 0 {
		t.Fatal("functions have no environment variables")
	}
	read := map[string]bool{}
	if _, err := cloud.Read(func(name string) string { read[name] = true; return "" }); err == nil {
		t.Error("the code needs no variable")
	}
	for name := range read {
		if vars[name] == nil {
			t.Errorf("the code reads %s, which the template does not set", name)
		}
	}
	for name, v := range vars {
		if !read[name] {
			t.Errorf("the template sets %s, which no code reads", name)
		}
		if strings.Contains(name, "SECRET") && !strings.HasSuffix(name, "_SECRET_ARN") {
			t.Errorf("environment variable %s may hold a secret: only its ARN may stand there", name)
		}
		if raw, _ := json.Marshal(v); strings.Contains(string(raw), "resolve:") {
			t.Errorf("environment variable %s would hold a resolved secret", name)
		}
	}
}

// everything lists the statements that may name all resources, each with its reason.
var everything = map[string]string{
	"NetworkInterfaces": "EC2's network interface actions know no narrower resource; NotFromCode takes them from the code",
	"NotFromCode":       "a denial",
}

func TestPolicies(t *testing.T) {
	tpl := load(t)
	for _, role := range tpl.OfType("AWS::IAM::Role") {
		t.Run(role+" may do no more than it needs", func(t *testing.T) {
			if tpl.Resources[role].Properties["ManagedPolicyArns"] != nil {
				t.Error("it has managed policies, which are wider than one function's needs")
			}
			statements := tpl.Statements(role)
			if len(statements) == 0 {
				t.Fatal("it has no statements")
			}
			for _, s := range statements {
				if s.Sid == "" {
					t.Errorf("a statement for %v has no Sid", s.Actions)
				}
				for _, r := range s.Resources {
					if r == "*" && everything[s.Sid] == "" {
						t.Errorf("%s: names all resources", s.Sid)
					}
				}
				for _, a := range s.Actions {
					if s.Effect == "Allow" && strings.Contains(a, "*") {
						t.Errorf("%s: allows the actions %s", s.Sid, a)
					}
					service, _, _ := strings.Cut(a, ":")
					checkAction(t, tpl, s, service, a)
				}
			}
		})
	}
}

// needs are what the code of each role calls, by service and without what Lambda and its network need.
var needs = map[string][]string{
	"ApiRole":            {"readWrite", "keys", "clients", "send", "schedules", "mail"}, // groups and fields are asked for at the vendors
	"ConsentRole":        {"readWrite", "keys", "clients", "send", "schedules", "mail"}, // a connection that waited for its account becomes active
	"SyncworkerRole":     {"readWrite", "keys", "clients", "send", "receive", "schedules", "mail"},
	"UpkeepRole":         {"readWrite", "keys", "clients", "send", "schedules", "mail"},
	"GraphhookRole":      {"readWrite", "send", "schedules"},
	"GooglehookRole":     {"readWrite", "send", "schedules"},
	"CrmhookRole":        {"readWrite", "send", "schedules", "clients"}, // HubSpot signs with the registration's secret
	"TenantsyncRole":     {"read", "send"},
	"ScheduleRole":       {"invoke", "send", "queueKey"},
	"UpkeepScheduleRole": {"invoke"},
}

// calls are the actions behind each need.
var calls = map[string][]string{
	"read": {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"},
	"readWrite": {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem",
		"dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem"}, // a transaction needs the actions of its parts
	"keys":      {"kms:Encrypt", "kms:Decrypt"},
	"clients":   {"secretsmanager:GetSecretValue"},
	"send":      {"sqs:SendMessage"},
	"receive":   {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"},
	"schedules": {"scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule", "iam:PassRole"},
	"mail":      {"ses:SendEmail"},
	"invoke":    {"lambda:InvokeFunction"},
	"queueKey":  {"kms:GenerateDataKey", "kms:Decrypt"},
}

func TestNeeds(t *testing.T) {
	tpl := load(t)
	for _, role := range tpl.OfType("AWS::IAM::Role") {
		t.Run(role+" may do what its code does", func(t *testing.T) {
			var got, want []string
			for _, s := range tpl.Statements(role) {
				if s.Effect == "Allow" && s.Sid != "Logs" && s.Sid != "NetworkInterfaces" {
					got = append(got, s.Actions...)
				}
			}
			for _, n := range needs[role] {
				want = append(want, calls[n]...)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// checkAction holds each service's actions to what the template makes.
func checkAction(t *testing.T, tpl *deploy.Template, s deploy.Statement, service, action string) {
	t.Helper()
	wantTypes := map[string]string{
		"dynamodb": "AWS::DynamoDB::Table", "kms": "AWS::KMS::Key", "sqs": "AWS::SQS::Queue", "logs": "AWS::Logs::LogGroup", "iam": "AWS::IAM::Role",
	}
	for _, r := range s.Resources {
		target := deploy.Target(r)
		if want, ok := wantTypes[service]; ok && tpl.Resources[target].Type != want {
			t.Errorf("%s: %s on %v, want one %s of the template", s.Sid, action, r, want)
		}
		switch service {
		case "secretsmanager":
			if !strings.HasSuffix(target, "ClientSecretArn") {
				t.Errorf("%s: %s on %v, want the configured client secrets", s.Sid, action, r)
			}
		case "scheduler":
			if !strings.Contains(sub(r), "schedule/${ScheduleGroup}/*") {
				t.Errorf("%s: %s on %v, want schedules of the group", s.Sid, action, r)
			}
		}
	}
	if service == "kms" {
		null, _ := s.Condition["Null"].(map[string]any)
		equals, _ := s.Condition["StringEquals"].(map[string]any)
		throughQueue := strings.HasPrefix(sub(equals["kms:ViaService"]), "sqs.")
		if null["kms:EncryptionContext:tenant"] != "false" && !throughQueue {
			t.Errorf("%s: %s without the condition that the tenant is the encryption context, or that the queue asks", s.Sid, action)
		}
	}
	if action == "iam:PassRole" {
		equals, _ := s.Condition["StringEquals"].(map[string]any)
		if equals["iam:PassedToService"] != "scheduler.amazonaws.com" {
			t.Errorf("%s: passes a role to any service", s.Sid)
		}
	}
}

func TestQueue(t *testing.T) {
	tpl := load(t)
	worker := tpl.Resources[tpl.Functions()["syncworker"]].Properties
	q := tpl.Resources["SyncQueue"].Properties
	dead := tpl.Resources["DeadLetters"].Properties
	redrive, _ := q["RedrivePolicy"].(map[string]any)
	for name, c := range map[string]struct{ got, want any }{
		"the visibility timeout is the code's":       {q["VisibilityTimeout"], int(queue.Visibility.Seconds())},
		"the retention is the code's":                {q["MessageRetentionPeriod"], int(queue.RetentionPeriod.Seconds())},
		"dead letters come after the code's number":  {redrive["maxReceiveCount"], queue.MaxReceives},
		"dead letters have their queue":              {deploy.Target(redrive["deadLetterTargetArn"]), "DeadLetters"},
		"the queue is first in, first out":           {q["FifoQueue"], true},
		"the dead letters are too":                   {dead["FifoQueue"], true},
		"messages that say the same are all sent":    {q["ContentBasedDeduplication"], false},
		"the queue is encrypted with the key":        {deploy.Target(q["KmsMasterKeyId"]), "Key"},
		"the dead letters are encrypted with it":     {deploy.Target(dead["KmsMasterKeyId"]), "Key"},
		"the queue's name ends as FIFO queues' must": {strings.HasSuffix(sub(q["QueueName"]), ".fifo"), true},
		"the dead letters' name too":                 {strings.HasSuffix(sub(dead["QueueName"]), ".fifo"), true},
	} {
		t.Run(name, func(t *testing.T) {
			if c.got != c.want {
				t.Errorf("got %v, want %v", c.got, c.want)
			}
		})
	}
	seconds, _ := worker["Timeout"].(int)
	timeout := time.Duration(seconds) * time.Second
	t.Run("a message comes back only after its worker has ended", func(t *testing.T) {
		if timeout == 0 || queue.Visibility <= timeout {
			t.Errorf("visibility %s, function timeout %s: want more", queue.Visibility, timeout)
		}
	})
	for what, last := range map[string]time.Duration{"a wait for a vendor's limit": time.Minute, "a request to a vendor": cloud.VendorTimeout} {
		t.Run("a slice that ends with "+what+" ends before its lease and its worker", func(t *testing.T) {
			if end := engine.SliceTime + last; end >= state.LeaseTime || end >= timeout {
				t.Errorf("a slice may last %s, its lease %s, its worker %s: want less", end, state.LeaseTime, timeout)
			}
		})
	}
	t.Run("a connection whose worker died is free when its message comes back", func(t *testing.T) {
		if state.LeaseTime >= queue.Visibility {
			t.Errorf("lease %s, visibility %s: want more", state.LeaseTime, queue.Visibility)
		}
	})
	t.Run("dead letters are kept longer than messages live", func(t *testing.T) {
		kept, _ := dead["MessageRetentionPeriod"].(int)
		lives, _ := q["MessageRetentionPeriod"].(int)
		if kept <= lives {
			t.Errorf("dead letters %d s, messages %d s", kept, lives)
		}
	})
	t.Run("the worker takes one message at a time and reports it by itself", func(t *testing.T) {
		sources, _ := worker["Events"].(map[string]any)
		if len(sources) != 1 {
			t.Fatalf("%d event sources, want 1", len(sources))
		}
		for _, s := range sources {
			source, _ := s.(map[string]any)
			p, _ := source["Properties"].(map[string]any)
			types, _ := p["FunctionResponseTypes"].([]any)
			scaling, _ := p["ScalingConfig"].(map[string]any)
			if source["Type"] != "SQS" || deploy.Target(p["Queue"]) != "SyncQueue" || p["BatchSize"] != 1 ||
				len(types) != 1 || types[0] != "ReportBatchItemFailures" || scaling["MaximumConcurrency"] == nil {
				t.Errorf("event source %v", source)
			}
		}
	})
}

func TestTable(t *testing.T) {
	p := load(t).Resources["Table"].Properties
	ttl, _ := p["TimeToLiveSpecification"].(map[string]any)
	recovery, _ := p["PointInTimeRecoverySpecification"].(map[string]any)
	sse, _ := p["SSESpecification"].(map[string]any)
	if ttl["AttributeName"] != "ttl" || ttl["Enabled"] != true {
		t.Errorf("time to live %v, want attribute ttl", ttl)
	}
	if recovery["PointInTimeRecoveryEnabled"] != true {
		t.Error("no point-in-time recovery")
	}
	if sse["SSEType"] != "KMS" || deploy.Target(sse["KMSMasterKeyId"]) != "Key" {
		t.Errorf("encryption %v, want the template's key", sse)
	}
	if keys, _ := json.Marshal(p["KeySchema"]); string(keys) != `[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]` {
		t.Errorf("keys %s, want pk and sk", keys)
	}
}

func TestRoutes(t *testing.T) {
	tpl := load(t)
	for _, r := range tpl.Routes() {
		t.Run(r.Key+" has a function", func(t *testing.T) {
			if r.Function == "" {
				t.Error("its integration leads to no function")
			}
		})
	}
	t.Run("only the named routes are open without a token", func(t *testing.T) {
		var open []string
		for _, r := range tpl.Routes() {
			if !r.JWT {
				open = append(open, r.Key)
			}
		}
		if want := []string{"DELETE /consent/{system}/callback", "GET /consent/{system}/admin", "GET /consent/{system}/callback", "GET /hooks/{system}/{watch}",
			"GET /openapi.json", "POST /consent/{system}/callback", "POST /hooks/google/{watch}", "POST /hooks/microsoft/{watch}", "POST /hooks/{system}",
			"POST /hooks/{system}/{watch}"}; !slices.Equal(open, want) {
			t.Errorf("open routes %v, want %v", open, want)
		}
	})
	for path, item := range document(t).Paths.Map() {
		for method := range item.Operations() {
			t.Run(method+" "+path+" is answered by the API, with a token", func(t *testing.T) {
				if r, _ := tpl.Match(method, path); r.Function != "api" || !r.JWT {
					t.Errorf("goes to %q with JWT %v", r.Function, r.JWT)
				}
			})
		}
	}
	for _, system := range system.All(system.Config{}) {
		t.Run("the callback of "+system.Name+" is open", func(t *testing.T) {
			if r, _ := tpl.Match(http.MethodGet, httpapi.CallbackPath(system.ID)); r.Function != "consent" || r.JWT {
				t.Errorf("goes to %q with JWT %v", r.Function, r.JWT)
			}
		})
	}
	for _, c := range []struct{ method, path, function string }{
		{"GET", "/v1/tenants", "api"}, {"DELETE", "/v1/tenants/t/connections/c", "api"}, {"GET", "/openapi.json", "api"},
		{"GET", "/consent/google/callback", "consent"}, {"POST", "/consent/google/callback", "consent"}, {"DELETE", "/consent/pipedrive/callback", "consent"},
		{"POST", "/hooks/microsoft/1", "graphhook"}, {"POST", "/hooks/google/1", "googlehook"}, {"POST", "/hooks/pipedrive/1", "crmhook"}, {"POST", "/hooks/zoho/1", "crmhook"}, {"GET", "/hooks/zoho/1", "crmhook"}, {"GET", "/consent/callback", ""}, {"GET", "/v1/", ""}, {"GET", "/", ""},
	} {
		t.Run(c.method+" "+c.path+" goes where it should", func(t *testing.T) {
			if r, _ := tpl.Match(c.method, c.path); r.Function != c.function {
				t.Errorf("goes to %q, want %q", r.Function, c.function)
			}
		})
	}
}

// document is the OpenAPI document of the API as it is put together for Lambda.
func document(t *testing.T) *openapi3.T {
	t.Helper()
	a, err := cloud.Open(cloud.Settings{PublicURL: "https://api.example"}, aws.Config{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	a.API().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if doc.Paths.Len() == 0 {
		t.Fatal("the document has no paths")
	}
	return doc
}

func TestAlarms(t *testing.T) {
	tpl := load(t)
	watched := map[string]bool{}
	for _, name := range tpl.OfType("AWS::CloudWatch::Alarm") {
		p := tpl.Resources[name].Properties
		dims, _ := p["Dimensions"].([]any)
		if len(dims) != 1 {
			t.Fatalf("%s has %d dimensions, want 1", name, len(dims))
		}
		dim, _ := dims[0].(map[string]any)
		metric, _ := p["MetricName"].(string)
		watched[metric+" of "+deploy.Target(dim["Value"])] = true
		if actions, _ := p["AlarmActions"].([]any); len(actions) == 0 {
			t.Errorf("%s tells nobody", name)
		}
	}
	for _, want := range []string{
		"ApproximateNumberOfMessagesVisible of DeadLetters", "ApproximateAgeOfOldestMessage of SyncQueue", "Errors of SyncworkerFunction",
		"Throttles of SyncworkerFunction", "Errors of TenantsyncFunction", "Errors of UpkeepFunction", "Errors of GraphhookFunction", "Errors of CrmhookFunction", "ThrottledRequests of Table", "5xx of HttpApi",
	} {
		if !watched[want] {
			t.Errorf("nothing watches %s", want)
		}
	}
}

var eventName = regexp.MustCompile(`^([a-z]+)(-[a-z-]+)?\.json$`)

func TestEvents(t *testing.T) {
	tpl := load(t)
	functions := tpl.Functions()
	found, err := os.ReadDir(filepath.Join(tpl.Root, "events"))
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, f := range found {
		t.Run(f.Name()+" is an event of a function", func(t *testing.T) {
			m := eventName.FindStringSubmatch(f.Name())
			if m == nil || functions[m[1]] == "" {
				t.Fatalf("no function has this name")
			}
			has[m[1]] = true
			raw, err := os.ReadFile(filepath.Join(tpl.Root, "events", f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			checkEvent(t, tpl, m[1], raw)
		})
	}
	for f := range functions {
		if !has[f] {
			t.Errorf("functions/%s has no event in events/", f)
		}
	}
}

// checkEvent decodes an event as its function does.
func checkEvent(t *testing.T, tpl *deploy.Template, function string, raw []byte) {
	t.Helper()
	switch function {
	case "syncworker":
		var e events.SQSEvent
		strict(t, raw, &e)
		if len(e.Records) != 1 {
			t.Fatalf("%d records, want 1 as the event source is set", len(e.Records))
		}
		var ask state.Ask
		strict(t, []byte(e.Records[0].Body), &ask)
		if got, want := e.Records[0].Attributes["MessageGroupId"], ask.Tenant+"/"+ask.Connection; got != want {
			t.Errorf("group %q, want the connection's, %q", got, want)
		}
	case "upkeep":
		var e events.EventBridgeEvent
		strict(t, raw, &e)
	case "tenantsync":
		var e schedule.TenantEvent
		strict(t, raw, &e)
		if e.Tenant == "" {
			t.Error("no tenant")
		}
	default:
		var e events.APIGatewayV2HTTPRequest
		strict(t, raw, &e)
		r, ok := tpl.Match(e.RequestContext.HTTP.Method, e.RawPath)
		if !ok || r.Function != function || r.Key != e.RouteKey {
			t.Errorf("the event's route is %q, the template sends %s %s to %+v", e.RouteKey, e.RequestContext.HTTP.Method, e.RawPath, r)
		}
		if claims := e.RequestContext.Authorizer; r.JWT != (claims != nil && claims.JWT != nil) {
			t.Errorf("claims %v on a route with JWT %v", claims, r.JWT)
		}
	}
}

func strict(t *testing.T, raw []byte, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}
