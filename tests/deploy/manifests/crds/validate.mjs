// Reads objects (JSON, a list) and tells for each what its project's published schema says.
import { readFileSync } from "node:fs";

const PACKAGES = {
  "keda.sh/v1alpha1": "@kubernetes-models/keda/keda.sh/v1alpha1",
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
};

async function why(object) {
  const { [object.kind]: Kind } = await import(`${PACKAGES[object.apiVersion]}/${object.kind}`);
  try {
    new Kind(object).validate();
    return "";
  } catch (error) {
    return String(error.message || error);
  }
}

const objects = JSON.parse(readFileSync(0, "utf-8"));
console.log(JSON.stringify(await Promise.all(objects.map(why))));
