{{- define "grpcmock.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "grpcmock.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "grpcmock.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "grpcmock.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "grpcmock.selector" -}}
app.kubernetes.io/name: {{ include "grpcmock.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "grpcmock.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "grpcmock.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "grpcmock.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "grpcmock.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "grpcmock.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "grpcmock.secret" -}}
{{ .Values.admin.existingSecret | default (printf "%s-admin" (include "grpcmock.fullname" .)) }}
{{- end }}

{{- define "grpcmock.claim" -}}
{{ .Values.fuzz.existingClaim | default (printf "%s-reports" (include "grpcmock.fullname" .)) }}
{{- end }}

{{- define "grpcmock.redis" -}}
{{ .Values.fuzz.redis.url | default (printf "redis://%s-redis:6379/0" (include "grpcmock.fullname" .)) }}
{{- end }}

{{/* What pods of all sorts have in common. */}}
{{- define "grpcmock.pod" -}}
serviceAccountName: {{ include "grpcmock.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end }}
