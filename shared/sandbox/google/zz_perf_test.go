package google_test
import ("encoding/json";"testing";"time";"runtime";"fmt";"net/http/httptest";"meibo/shared/sandbox")
func TestPerf(t *testing.T){
 w:=newWorld(t,lifted); w.check.doc=nil
 n:=100000
 st:=time.Now()
 for i:=0;i<n;i+=1000{ seeds:=make([]sandbox.Seed,1000); for j:=range seeds{ f:=rich(); seeds[j].Record.Fields=f }; if _,err:=w.box.Put(aiko,seeds);err!=nil{t.Fatal(err)} }
 fmt.Println("fill",time.Since(st))
 runtime.GC(); var m runtime.MemStats; runtime.ReadMemStats(&m); fmt.Println("heap MB",m.HeapAlloc>>20)
 st=time.Now()
 page:=""; cnt:=0; bytes:=0
 for { r:=httptest.NewRequest("GET","/v1/people/me/connections?personFields="+fullMask+"&sources="+contactSrc+"&requestSyncToken=true&pageSize=1000&pageToken="+page,nil); r.Header.Set("Authorization","Bearer "+w.token); rec:=httptest.NewRecorder(); w.box.ServeHTTP(rec,r)
  b:=rec.Body.Bytes(); bytes+=len(b); cnt++
  var out struct{NextPageToken string}; if e:=json.Unmarshal(b,&out);e!=nil{t.Fatal(e)}; page=out.NextPageToken; if page==""{break} }
 fmt.Println("list",cnt,"pages",bytes>>20,"MB",time.Since(st))
}
