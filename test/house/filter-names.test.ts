/** No manifest calls a filter by a name that its gateway makes up: those change with versions, names of policies and namespaces. */
import { expect, test } from "vitest";
import { listFiles, readSource } from "./tree.ts";

/** Of Envoy Gateway's policies, of Envoy AI Gateway's pools. */
const madeUp = /envoyextensionpolicy\/|\/extproc\/\d|ext_proc\/(?:endpointpicker|aigateway)/;

test("no manifest depends on a filter's made-up name", () => {
  const manifests = [...listFiles("deploy/**/*.yaml"), ...listFiles("deploy/**/*.tpl")];
  expect(manifests).toContain("deploy/gateways/aibrix/routes.yaml");
  expect(manifests.filter((path) => madeUp.test(readSource(path)))).toEqual([]);
});

test("a made-up name is known when it is seen", () => {
  const name = "envoy.filters.http.ext_proc/envoyextensionpolicy/aibrix-system/aibrix-gateway-plugins-extension-policy";
  expect(`${name}/extproc/0`).toMatch(madeUp);
  expect("envoy.filters.http.ext_proc").not.toMatch(madeUp);
});
