{{- define "vigil.labels" -}}
app.kubernetes.io/name: vigil
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "vigil.selector" -}}
app.kubernetes.io/name: vigil
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "vigil.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "vigil.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "vigil.spread" -}}
- maxSkew: 1
  topologyKey: topology.kubernetes.io/zone
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "vigil.selector" . | nindent 6 }}
{{- end }}

{{- define "vigil.claim" -}}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: data}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .className }}
    storageClassName: {{ . | quote }}
    {{- end }}
    resources: {requests: {storage: {{ .size }}}}
{{- end }}

{{- /* The settings of a worker: what the chart decides, under what the values say. */ -}}
{{- define "vigil.monitorSettings" -}}
{{- $own := dict
  "kafka" (dict "servers" .Values.kafka.servers "group" .Values.kafka.group "topic_state" "ecg.state" "topic_in_force" "ecg.in-force")
  "http" (dict "host" "0.0.0.0" "port" 9464)
  "numerics" (dict "enabled" .Values.numerics.enabled "false_alarms_per_h" .Values.numerics.falseAlarmsPerHour)
  "annunciation" (dict "enabled" true "log" "/var/lib/vigil/signals.jsonl" "topic_commands" "ecg.commands" "topic_signals" "ecg.signals") -}}
{{- if .Values.monitor.gpu }}
{{- $_ := set $own "models" (dict "providers" (list "cuda" "cpu")) }}
{{- end }}
{{- mergeOverwrite $own (deepCopy .Values.settings) | toToml }}
{{- end }}

{{- /* The settings of the archive, in the same way. */ -}}
{{- define "vigil.archiveSettings" -}}
{{- $own := dict
  "archive" (dict "url" .Values.archive.url)
  "kafka" (dict "servers" .Values.kafka.servers "topic_beats" "ecg.beats" "topic_signals" "ecg.signals" "topic_verdicts" "ecg.feedback")
  "http" (dict "host" "0.0.0.0" "port" 9466) -}}
{{- if .Values.archive.secretKey }}
{{- $_ := set $own "archive" (dict "url" .Values.archive.url "keys_file" "/var/lib/vigil/archive-keys.db" "secret_file" (printf "/etc/vigil-secrets/%s" .Values.archive.secretKey)) }}
{{- end }}
{{- mergeOverwrite $own (deepCopy .Values.archive.settings) | toToml }}
{{- end }}
