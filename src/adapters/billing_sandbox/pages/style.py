"""The look of all pages: one hand-written sheet, light and dark, from phone to desk."""

STYLE = """
:root{--ink:#1a1f36;--soft:#5b6478;--faint:#8a93a6;--line:#dfe3eb;--paper:#fff;--side:#f6f7fb;--field:#fff;
--accent:#4f46e5;--accent-ink:#fff;--bad:#b42318;--bad-bg:#fef3f2;--bad-line:#fecdca;--good:#067647;--good-bg:#ecfdf3;
--tag:#fdf0cf;--tag-ink:#7a4d00;--shadow:0 1px 2px rgba(16,24,40,.06),0 1px 3px rgba(16,24,40,.1)}
@media(prefers-color-scheme:dark){:root{--ink:#eef0f6;--soft:#a9b1c3;--faint:#7d869b;--line:#2c3345;--paper:#12151f;
--side:#171b28;--field:#1b2030;--accent:#7c78ff;--accent-ink:#0d0f17;--bad:#fda29b;--bad-bg:#3a1a1a;--bad-line:#6b2b28;
--good:#75e0a7;--good-bg:#10291d;--tag:#3b2f10;--tag-ink:#f5d27a;--shadow:none}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;-webkit-font-smoothing:antialiased}
a{color:var(--accent)}
.notice{background:var(--tag);color:var(--tag-ink);font-size:13px;text-align:center;padding:7px 16px}
.notice b{font-weight:650}
.checkout{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);min-height:calc(100vh - 34px)}
.side{background:var(--side);display:flex;justify-content:flex-end;border-right:1px solid var(--line)}
.main{display:flex;justify-content:flex-start}
.side>div{width:100%;max-width:440px;padding:56px 48px 48px 24px}
.main>div{width:100%;max-width:470px;padding:56px 24px 48px 48px}
.merchant{display:flex;align-items:center;gap:10px;font-weight:600;margin-bottom:34px;color:var(--soft)}
.merchant a{color:inherit;text-decoration:none;font-size:20px;line-height:1;padding:4px 6px 6px;border-radius:6px}
.merchant a:hover{background:var(--line)}
.logo{width:28px;height:28px;border-radius:8px;background:var(--accent);color:var(--accent-ink);display:grid;
place-items:center;font-size:15px;font-weight:700}
.what{color:var(--soft);font-weight:500}
.total{font-size:40px;line-height:1.15;font-weight:650;letter-spacing:-.02em;margin:2px 0 4px}
.total small{font-size:15px;font-weight:450;letter-spacing:0;color:var(--soft);margin-left:8px}
.terms{color:var(--soft);font-size:15px;margin:0 0 28px}
.lines{list-style:none;margin:28px 0 0;padding:0}
.lines li,.sums div{display:flex;justify-content:space-between;gap:20px}
.lines li{padding:0 0 18px}
.lines b{font-weight:550;display:block}
.lines small{color:var(--soft);font-size:14px}
.num{white-space:nowrap;font-variant-numeric:tabular-nums;font-weight:500}
.sums{border-top:1px solid var(--line);padding-top:16px;display:grid;gap:10px;font-size:15px}
.sums .due{border-top:1px solid var(--line);padding-top:14px;margin-top:4px;font-weight:600;font-size:16px}
.sums .off{color:var(--good)}
h1{font-size:21px;line-height:1.3;font-weight:620;letter-spacing:-.01em;margin:0 0 20px}
h2{font-size:16px;font-weight:600;margin:34px 0 10px}
label{display:block;font-size:14px;font-weight:550;margin:0 0 6px;color:var(--soft)}
.row{margin-bottom:18px}
input[type=text],input[type=email],input[type=tel]{width:100%;font:inherit;color:inherit;background:var(--field);
border:1px solid var(--line);border-radius:8px;padding:10px 12px;box-shadow:var(--shadow)}
input::placeholder{color:var(--faint)}
input:focus{outline:2px solid var(--accent);outline-offset:-1px;border-color:var(--accent);position:relative;z-index:1}
input[aria-invalid=true]{border-color:var(--bad);background:var(--bad-bg)}
input[readonly]{background:var(--side);color:var(--soft)}
.card{display:grid;grid-template-columns:1fr 1fr}
.card input{border-radius:0;box-shadow:none}
.card .number{grid-column:1/3;border-radius:8px 8px 0 0}
.card .exp{border-top:0;border-radius:0 0 0 8px}
.card .cvc{border-top:0;border-left:0;border-radius:0 0 8px 0}
.methods{border:0;padding:0;margin:0 0 18px}
.methods legend{font-size:14px;font-weight:550;color:var(--soft);padding:0;margin-bottom:6px}
.method{display:block;border:1px solid var(--line);border-radius:10px;padding:0;margin-bottom:8px;
background:var(--field)}
.method>label{display:flex;align-items:center;gap:10px;margin:0;padding:12px 14px;color:var(--ink);cursor:pointer}
.method>label small{margin-left:auto;color:var(--faint);font-weight:450}
.method>div{display:none;padding:2px 14px 14px}
.method:has(>label>input:checked){border-color:var(--accent);box-shadow:0 0 0 1px var(--accent)}
.method:has(>label>input:checked)>div{display:block}
@supports not selector(:has(*)){.method>div{display:block}}
input[type=radio]{accent-color:var(--accent);width:16px;height:16px;margin:0}
.brands{display:flex;gap:5px;margin-left:auto}
.brands i{font:700 9px/1 system-ui,sans-serif;letter-spacing:.02em;padding:5px 6px;border-radius:4px;border:1px solid
var(--line);color:var(--soft);background:var(--paper)}
button{font:inherit;cursor:pointer}
.pay{width:100%;border:0;border-radius:9px;background:var(--accent);color:var(--accent-ink);font-weight:620;padding:13px
16px;margin-top:8px;box-shadow:var(--shadow)}
.pay:hover{filter:brightness(1.07)}
.pay:focus-visible,.plain:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.plain{background:none;border:1px solid var(--line);border-radius:8px;color:inherit;padding:9px 14px;font-weight:550}
.plain:hover{background:var(--side)}
.code{display:flex;gap:8px;margin:18px 0 0}
.code input{flex:1}
.fine{color:var(--faint);font-size:13px;margin:16px 0 0;text-align:center}
.error{border:1px solid var(--bad-line);background:var(--bad-bg);color:var(--bad);border-radius:9px;padding:11px 14px;
margin:0 0 20px;font-size:15px}
.ok{border-radius:9px;background:var(--good-bg);color:var(--good);padding:11px 14px;margin:0 0 20px}
.hints{margin-top:28px;border-top:1px solid var(--line);padding-top:14px;font-size:13px;color:var(--soft)}
.hints summary{cursor:pointer;font-weight:550}
.hints table{width:100%;border-collapse:collapse;margin-top:8px}
.hints td{padding:3px 0;vertical-align:top}
.hints td:first-child{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;white-space:nowrap;padding-right:14px}
.bank{max-width:420px;margin:8vh auto;padding:32px;border:1px solid var(--line);border-radius:14px;
background:var(--field);box-shadow:var(--shadow)}
.bank .actions{display:grid;gap:10px;margin-top:22px}
.bank .plain{width:100%;padding:12px}
.sheet{max-width:1100px;margin:0 auto;padding:40px 24px 64px}
.sheet>header{display:flex;align-items:baseline;justify-content:space-between;gap:16px;flex-wrap:wrap}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px}
.sheet table{width:100%;border-collapse:collapse;font-size:14px}
.sheet th{font-weight:550;color:var(--soft);text-align:left;background:var(--side)}
.sheet th,.sheet td{padding:9px 14px;border-bottom:1px solid var(--line);white-space:nowrap}
.sheet tr:last-child td{border-bottom:0}
.sheet code{font:13px ui-monospace,SFMono-Regular,Menlo,monospace}
.pill{display:inline-block;border-radius:99px;padding:1px 9px;font-size:12px;font-weight:600;background:var(--side);
border:1px solid var(--line);color:var(--soft)}
.pill.active,.pill.paid,.pill.complete,.pill.succeeded,.pill.trialing{background:var(--good-bg);color:var(--good);
border-color:transparent}
.pill.past_due,.pill.unpaid,.pill.failed,.pill.canceled{background:var(--bad-bg);color:var(--bad);border-color:transparent}
.empty{color:var(--faint);padding:14px}
@media(max-width:820px){.checkout{display:block}.side{border-right:0;border-bottom:1px solid var(--line);display:block}
.main{display:block}.side>div,.main>div{max-width:560px;margin:0 auto;padding:28px 20px}.merchant{margin-bottom:20px}
.total{font-size:34px}}
"""
