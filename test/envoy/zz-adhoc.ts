import { findEnvoy } from "/work/main/src/demo/find-envoy.ts";
import { startEnvoy } from "/work/main/src/demo/run-envoy.ts";
import { places } from "/work/main/src/demo/envoy-config.ts";
import { startEchoPods } from "/work/main/test/support/echo-backend.ts";
import { configOfModes, requestModes, watchingMode, responseModes } from "/work/main/test/support/envoy-modes.ts";
import { ask, framings } from "/work/main/test/support/http-framings.ts";
import { chatOfSize } from "/work/main/test/support/chat-of-size.ts";
import { startPicker } from "/work/main/test/support/picker-process.ts";
const pods = await startEchoPods(2);
const picker = await startPicker(["--pods", pods.addresses.join(",")]);
for (const v of ["1.36.4","1.37.0","1.38.3","1.40.0"]) for (const bare of [false,true]) {
const {path:binary} = await findEnvoy({version:v, say: console.log});
const config:any = configOfModes([...requestModes, watchingMode, ...responseModes], {pickers:[picker.address], pods:pods.addresses});
if (bare) for (const l of config.static_resources.listeners) delete l.filter_chains[0].filters[0].typed_config.http2_protocol_options;
const envoy = await startEnvoy({binary, config});
const body=chatOfSize(89);
if (v==="1.40.0" && !bare) {
 for (const [name,port] of envoy.ports) { await ask({port, framing:"h1 content-length", path:"/v1/chat/completions", body}); }
 const st=await envoy.admin("/stats?filter=ext_proc.pointsman.stream_msgs");
 console.log(st);
}
for (const size of [20, 31.99, 32, 32.02, 33]) { const b=chatOfSize(Math.round(size*1048576)+(size===32.02?0:0));
 for (const m of ["buffered","buffered-partial","duplex"]) for (const framing of ["h1 content-length","h2 content-length","h2 no length"] as const) {
  const a = await ask({port:envoy.ports.get(m)!, framing, path:"/v1/chat/completions", body:b}).catch(e=>({status:String(e),body:Buffer.from("")}));
  if (a.status!==200) console.log(v, bare?"bare":"shipped", size, m, framing, a.status, a.body.toString().slice(0,100));
 }}
await envoy.stop();
}
await picker.kill(); await pods.close(); process.exit(0);
