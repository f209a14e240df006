"use strict";
(async () => {
  const PAGE = 50;
  const FORMULA = /(^|[;,|"])(?=[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\-@＝＋－＠﹦﹢﹣﹫])/g;
  const root = document.getElementById("page"), dialog = document.getElementById("case");
  const fromAddress = new URLSearchParams(location.search).get("lang");
  let lang = fromAddress === "zh" ? "zh" : "en", data;

  /* An element: attributes, listeners (onclick), CSS properties (style) and children, of which texts become text. */
  const h = (tag, given = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(given || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "style") for (const [property, set] of Object.entries(value)) node.style.setProperty(property, set);
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false)
      .map(child => child instanceof Node ? child : String(child)));
    return node;
  };

  try {
    if (typeof DecompressionStream === "undefined") throw new TypeError("too_old");
    const packed = Uint8Array.from(atob(document.getElementById("data").textContent), sign => sign.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    data = JSON.parse(await new Response(stream).text());
  } catch (error) {
    const why = error.message === "too_old"
      ? ["This page needs a browser that can unpack compressed data; please use a newer one.", "本页需要支持数据解压的浏览器，请更新浏览器版本。"]
      : ["The data of this page cannot be read: the file is damaged. Write it again.", "本页数据无法读取：文件已损坏，请重新生成。"];
    root.replaceChildren(h("p", {class: "notice", role: "alert"}, why[0], " ", h("span", {lang: "zh-CN"}, why[1])));
    return;
  }

  const {customers, cases, types} = data, n = customers.id.length, places = [...customers.id.keys()];
  const keys = customers.key || customers.id;  // what is shown of two names may be the same
  const placeOf = new Map(keys.map((key, place) => [key, place]));
  const begins = (counts, width) => {  // where the entries of each customer begin, of lists one after the other
    const found = new Uint32Array(n + 1);
    for (let i = 0; i < n; i++) {
      found[i + 1] = found[i];
      for (let j = 0; j < width; j++) found[i + 1] += counts[i * width + j];
    }
    return found;
  };
  const factAt = begins(cases.n_facts, 1), shownAt = begins(cases.shown, 8);
  const folded = text => text.normalize("NFKC").toLowerCase();
  const haystack = places.map(i => folded([customers.id[i], customers.name ? customers.name[i] || "" : "", data.search_names[customers.type[i]]].join(" ")));

  const state = {query: "", type: "", decision: "", changed: false, by: null, down: false, page: 0, measure: "n", business: "n", open: null, against: null};

  /* Words and numbers. */
  const told = key => data.words[lang][key];
  const t = (key, fill = {}) => told(key).replace(/\{(\w+)\}/g, (_, name) => fill[name]);
  const kindName = place => data.type_names[lang][place];
  const whole = number => number.toLocaleString("en-US", {maximumFractionDigits: 2});
  const share = (part, all) => all ? (100 * part / all).toFixed(1) + "%" : "–";
  const chance = p => (p / 10).toFixed(1) + "%";
  const signed = hundredths => (hundredths > 0 ? "+" : hundredths < 0 ? "-" : "") + (Math.abs(hundredths) / 100).toFixed(2);
  const amount = value => {
    if (value === null) return t("none_known");
    const [size, unit] = told("amounts").find(([least]) => Math.abs(value) >= least) || [1, ""];
    return unit ? (value / size).toLocaleString("en-US", {minimumSignificantDigits: 3, maximumSignificantDigits: 3}) + unit : whole(Math.round(value));
  };
  const money = value => h("span", {title: value === null ? null : whole(value)}, amount(value));
  const kind = place => h("span", {class: "kind " + types[place]}, kindName(place));
  const bar = (part, most, colour) => h("span", {class: "bar", "aria-hidden": "true"}, h("i", {style: {width: (most ? 100 * part / most : 0) + "%", ...(colour ? {background: colour} : {})}}));
  const sumOf = list => list.reduce((sum, each) => sum + each, 0);
  const choice = (label, options, chosen, choose, extra = {}) => h("div", {class: "choice", role: "group", "aria-label": label, ...extra},
    options.map(([value, text, more]) => h("button", {type: "button", "aria-pressed": String(value === chosen), "data-value": value, ...more, onclick: () => choose(value)}, text)));
  const signedBars = (sizes, names, total) => {
    const most = Math.max(...sizes.map(Math.abs), Math.abs(total), 1);
    const line = (name, size, more) => [h("dt", {class: more}, name), h("dd", {class: more, "aria-hidden": "true"}, h("div", {class: "axis"},
      h("i", {class: size < 0 ? "minus" : null, style: {left: 50 + 50 * Math.min(size, 0) / most + "%", width: 50 * Math.abs(size) / most + "%"}}))),
      h("dd", {class: "number " + (more || "")}, signed(size))];
    return h("dl", {class: "signed"}, sizes.map((size, i) => line(names[i], size)), line(t("sum"), total, "sum"));
  };

  /* The page. */
  const draw = () => {
    document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
    document.title = t("title") + " " + data.as_of;
    const go = id => () => document.getElementById(id).scrollIntoView();
    root.replaceChildren(
      h("button", {class: "skip", type: "button", onclick: () => { go("customers")(); document.getElementById("search").focus(); }}, t("skip")),
      h("header", {class: "top"}, h("div", {}, h("span", {class: "mark"}, t("product")),
        h("nav", {"aria-label": t("sections")}, [["types", "types_title"], ["migration", "migration_title"], ...(data.alerts ? [["warnings", "warnings_title"]] : []), ["drivers", "drivers_title"], ["business", "business_title"], ...(data.follow_up ? [["follow", "follow_title"]] : []), ["customers", "list_title"]]
          .map(([id, title]) => h("button", {type: "button", onclick: go(id)}, t(title)))),
        switchLanguage())),
      h("main", {}, h("h1", {}, t("title")), h("p", {class: "lead"}, t("subtitle", {day: data.as_of})), tiles(),
        h("div", {class: "pair"}, byType(), migration()), warnings(), drivers(), business(), followUp(), list()),
      h("footer", {}, h("span", {}, t("foot")), h("span", {}, t("model", {model: data.model})), h("span", {}, t("data", {fingerprint: data.fingerprint.slice(0, 12)}))));
    drawList();
    if (state.open !== null) drawCase();
  };
  const switchLanguage = () => choice(t("language"), [["en", "EN", {lang: "en"}], ["zh", "中文", {lang: "zh-CN"}]], lang, value => {
    const at = dialog.open ? dialog : root;
    lang = value;
    draw();
    at.querySelector(`.language [data-value="${value}"]`).focus();
  }, {class: "choice language"});

  const unknown = sumOf(data.book.n_unknown), isKnown = unknown < n;
  const exposureNote = () => {
    const {source, names} = data.exposure;
    if (!source) return t("exposure_none");
    return t(source === "book" ? "exposure_is_book" : "exposure_is", {feature: names[lang]}) + (unknown ? " " + t("exposure_partly", {n: whole(unknown)}) : "");
  };
  const tiles = () => {
    const tile = (number, label, more) => h("div", {class: "tile"}, h("b", {}, number), h("span", {}, label), h("small", {}, more || ""));
    const referred = sumOf(data.book.n_referred), changed = places.filter(isChanged).length;
    return h("div", {class: "tiles"},
      tile(whole(n), t("customers_n")),
      tile(isKnown ? money(sumOf(data.book.exposure)) : t("none_known"), t("exposure"), isKnown && unknown ? t("unknown_n", {n: whole(unknown)}) : ""),
      tile(share(referred, n), t("referred"), `${whole(referred)} / ${whole(n)}`),
      data.since ? tile(whole(changed), t("changed", {day: data.since}), t("of_customers", {share: share(changed, n)})) : tile("–", t("first_date")));
  };
  const isChanged = i => customers.before[i] >= 0 && customers.before[i] !== customers.type[i];

  const byType = () => {
    const {n: counts, exposure, n_referred: referred, n_unknown: gaps} = data.book, all = sumOf(exposure);
    const choose = place => { Object.assign(state, {type: String(place), page: 0}); draw(); document.getElementById("customers").scrollIntoView(); document.getElementById("by-type").focus(); };
    const measured = (text, part, most) => h("td", {class: "wide"}, h("div", {class: "measured"}, h("span", {}, text), bar(part, most)));
    return h("section", {class: "card", id: "types", "aria-labelledby": "types-title"}, h("h2", {id: "types-title"}, t("types_title")), h("p", {class: "hint"}, t("types_hint")),
      h("div", {class: "scroll"}, h("table", {}, h("thead", {}, h("tr", {}, ["type", "count", "exposure", "only_referred"].map(key => h("th", {scope: "col"}, t(key))))),
        h("tbody", {}, types.map((name, place) => h("tr", {class: name}, h("th", {scope: "row"}, h("button", {type: "button", class: "link", onclick: () => choose(place)}, kind(place))),
          measured([whole(counts[place]), h("span", {class: "sub"}, share(counts[place], n))], counts[place], n),
          gaps[place] === counts[place] && counts[place] ? h("td", {}, t("none_known")) : measured([money(exposure[place]), h("span", {class: "sub"}, share(exposure[place], all))], exposure[place], all),
          h("td", {}, share(referred[place], counts[place]), " ", h("span", {class: "sub"}, whole(referred[place])))))),
        h("tfoot", {}, h("tr", {}, h("th", {scope: "row"}, t("total")), h("td", {}, whole(n)), h("td", {}, isKnown ? money(all) : t("none_known")),
          h("td", {}, share(sumOf(referred), n), " ", h("span", {class: "sub"}, whole(sumOf(referred)))))))),
      h("p", {class: "hint last"}, exposureNote()));
  };

  const migration = () => {
    const found = data.migration;
    const section = (...content) => h("section", {class: "card", id: "migration", "aria-labelledby": "migration-title"}, content);
    const title = h("h2", {id: "migration-title"}, t("migration_title"));
    if (!found) return section(title, h("p", {class: "hint"}, t("migration_none")));
    const measure = isKnown ? state.measure : "n", cells = found[measure], write = measure === "n" ? whole : money;
    const columns = [...types.keys(), "gone"], rows = [...types.keys(), "new"];
    const most = Math.max(...cells.flatMap((row, i) => row.filter((_, j) => i !== j)), 1);
    const shade = (value, isSame) => value ? h("i", {"aria-hidden": "true", style: {opacity: isSame ? .16 : .08 + .5 * Math.min(value / most, 1)}}) : null;
    const name = key => typeof key === "number" ? kind(key) : t(key);
    return section(h("div", {class: "head"}, title, isKnown && choice(t("measured_by"), [["n", t("count")], ["exposure", t("exposure")]], measure, value => {
      state.measure = value;
      document.getElementById("migration").replaceWith(migration());
      document.querySelector(`#migration [data-value="${value}"]`).focus();
    }, {class: "choice no-print"})),
      h("p", {class: "hint"}, t("migration_hint", {since: data.since, day: data.as_of}), measure === "n" ? "" : " " + t("migration_exposure", {since: data.since, day: data.as_of}),
        measure !== "n" && found.n_unknown ? " " + t("exposure_partly", {n: whole(found.n_unknown)}) : ""),
      h("div", {class: "scroll"}, h("table", {class: "matrix"}, h("thead", {}, h("tr", {}, h("td", {}), columns.map(key => h("th", {scope: "col"}, name(key))), h("th", {scope: "col", class: "sum"}, t("total")))),
        h("tbody", {}, rows.map((key, i) => h("tr", {}, h("th", {scope: "row"}, name(key)),
          cells[i].map((value, j) => h("td", {class: i === j && i < types.length ? "same" : value ? null : "none"}, i === types.length && j === types.length ? "" : [shade(value, i === j), h("b", {}, value ? write(value) : "·")])),
          h("td", {class: "sum"}, write(sumOf(cells[i])))))),
        h("tfoot", {}, h("tr", {}, h("th", {scope: "row"}, t("total")), columns.map((_, j) => h("td", {}, write(sumOf(cells.map(row => row[j]))))), h("td", {class: "sum"}, write(sumOf(cells.flat()))))))));
  };

  /* Early warnings: by list, and of a customer. */
  const warnings = () => {
    const found = data.alerts;
    if (!found) return null;
    const heads = [t("list"), ...[...told("severities")].reverse(), t("open_alerts"), t("customers_n"), ...told("statuses")];
    return h("section", {class: "card", id: "warnings", "aria-labelledby": "warnings-title"}, h("h2", {id: "warnings-title"}, t("warnings_title")), h("p", {class: "hint"}, t("warnings_hint", {day: data.as_of})),
      h("div", {class: "scroll"}, h("table", {}, h("thead", {}, h("tr", {}, heads.map(title => h("th", {scope: "col"}, title)))),
        h("tbody", {}, Object.entries(found.counts).map(([name, [high, medium, low, ofCustomers, ...statuses]], place) => h("tr", {class: name}, h("th", {scope: "row"}, h("span", {class: "kind " + name}, told("lists")[place])),
          [high, medium, low, high + medium + low, ofCustomers, ...statuses].map(value => h("td", {}, whole(value)))))))));
  };
  const alertsOf = i => {
    const found = data.alerts, rows = [];
    let part = 0;
    for (const [k, own] of found.customer.entries()) {
      if (own === i) rows.push({k, words: [...Array(found.n_parts[k]).keys()].map(each => {
        const numbers = found.numbers[part + each].split(" ");
        return found.templates[found.template[part + each]][lang].map(piece => typeof piece === "number" ? numbers[piece] : piece).join("");
      }).join(lang === "zh" ? "；" : "; ")});
      part += found.n_parts[k];
    }
    return h("section", {id: "alerts"}, h("h3", {}, t("alerts_of")), h("ul", {class: "alerts"}, rows.map(({k, words}) => {
      const [owner, escalation] = found.people[2 * found.people_of[k] + Number(lang === "zh")];
      return h("li", {}, h("span", {class: "badge grade" + found.severity[k]}, told("severities")[found.severity[k] - 1]), " ", words,
        h("div", {class: "sub"}, t("alert_line", {list: told("lists")[found.list[k]], status: told("statuses")[found.status[k]], day: found.first_seen[k], who: t(found.escalated[k] ? "alert_escalated" : "alert_owner", {owner, escalation, until: found.escalates_on[k]}), done: found.done[lang][k] || t("done_none")})));
    })), !rows.length && h("p", {class: "sub"}, t("alerts_none")));
  };

  const drivers = () => h("section", {class: "card", id: "drivers", "aria-labelledby": "drivers-title"}, h("h2", {id: "drivers-title"}, t("drivers_title")), h("p", {class: "hint"}, t("drivers_hint")),
    h("div", {class: "drivers"}, types.map((name, place) => {
      const found = data.drivers[place], most = Math.max(...found.size, 1);
      const body = found.n ? [h("h4", {}, t("dimensions")), signedBars(found.parts, data.part_names[lang], found.gap), h("h4", {}, t("features")),
        h("ol", {}, found.size.map((size, i) => h("li", {}, h("div", {}, found.words[lang][i]),
          h("div", {class: "line"}, bar(size, most, found.mean[i] < 0 ? "var(--against)" : "var(--for)"), h("b", {}, (size / 100).toFixed(2))),
          h("div", {class: "sub"}, data.part_names[lang][found.part[i]], " · ", t("speaks_for", {share: found.share_for[i] + "%", mean: signed(found.mean[i])})))))] : h("p", {class: "hint"}, t("no_customers"));
      return h("article", {class: "driver " + name}, h("h3", {}, kind(place), h("span", {class: "sub"}, `${whole(found.n)} ${t("customers_n")}`)), body);
    })));

  /* The business over time, and what came of actions. */
  const business = () => {
    const {dates, measures, products, product_names: names} = data.structure, chosen = state.business;
    const labels = [["n", t("count")], ["exposure", t("exposure")], ["income", t("income")], ["past_due_share", t("past_due")], ...(products ? [["products", t("products")]] : [])];
    const note = t({n: "note_n", exposure: "note_exposure", income: "note_income", past_due_share: "note_past_due_share", products: "note_products"}[chosen]);
    const stacked = balances => h("span", {class: "stack"}, balances.map((each, k) => h("i", {class: "product" + k, title: names[lang][k] + " " + share(each, sumOf(balances)), style: {width: (sumOf(balances) ? 100 * each / sumOf(balances) : 0) + "%"}})));
    const cell = (day, place) => {
      if (chosen === "products") return [money(sumOf(products[day][place])), stacked(products[day][place])];
      const value = measures[chosen][day][place], all = sumOf(measures[chosen][day]);
      if (value === null) return chosen === "past_due_share" ? "–" : t("none_known");
      if (chosen === "past_due_share") return [(100 * value).toFixed(1) + "%", bar(value, 1)];
      return [h("span", {}, chosen === "n" ? whole(value) : money(value), " ", h("span", {class: "sub"}, share(value, all))), bar(value, all)];
    };
    return h("section", {class: "card", id: "business", "aria-labelledby": "business-title"}, h("div", {class: "head"}, h("h2", {id: "business-title"}, t("business_title")),
      choice(t("measured_by"), labels, chosen, value => {
        state.business = value;
        document.getElementById("business").replaceWith(business());
        document.querySelector(`#business [data-value="${value}"]`).focus();
      }, {class: "choice no-print"})),
      h("p", {class: "hint"}, t("business_hint", {what: note})),
      chosen === "products" && h("p", {class: "legend"}, names[lang].map((name, k) => h("span", {}, h("i", {class: "product" + k}), name))),
      h("div", {class: "scroll"}, h("table", {class: "business"}, h("thead", {}, h("tr", {}, h("th", {scope: "col"}, t("type")), dates.map(day => h("th", {scope: "col"}, day)))),
        h("tbody", {}, types.map((name, place) => h("tr", {class: name}, h("th", {scope: "row"}, kind(place)), dates.map((_, day) => h("td", {}, cell(day, place)))))))));
  };

  const followUp = () => {
    const found = data.follow_up;
    if (!found) return null;
    const {types: rows, actions} = found.texts[lang];
    const table = (heads, body) => h("div", {class: "scroll"}, h("table", {class: "follow"}, h("thead", {}, h("tr", {}, heads.map(key => h("th", {scope: "col", class: "left"}, t(key))))), h("tbody", {}, body)));
    const told = row => [whole(row.n), row.default, row.retained, row.income].map(text => h("td", {class: "left"}, text));
    return h("section", {class: "card", id: "follow", "aria-labelledby": "follow-title"}, h("h2", {id: "follow-title"}, t("follow_title")), h("p", {class: "hint"}, t("follow_hint", {since: found.since, day: data.as_of})),
      table(["type", "count", "defaulted", "retained", "income_each"], rows.map(row => h("tr", {}, h("th", {scope: "row"}, kind(row.type)), told(row)))),
      h("p", {class: "hint last"}, t("follow_actions")),
      table(["type", "action", "came_out", "count", "defaulted", "retained", "income_each"], actions.map(row => h("tr", {}, h("th", {scope: "row"}, kind(row.type)), h("td", {class: "left"}, row.action), h("td", {class: "left"}, row.ends), told(row)))),
      h("h4", {}, t("not_yet")), h("ul", {class: "hint"}, found.notes[lang].map(note => h("li", {}, note))));
  };

  /* The list. */
  const columns = [
    {key: "customer", of: i => customers.id[i], cell: i => h("a", {href: "#" + encodeURIComponent(keys[i]), "aria-label": t("open", {who: customers.id[i]})}, h("bdi", {class: "data"}, customers.id[i])), isText: true},
    ...(customers.name ? [{key: "name", of: i => customers.name[i], cell: i => h("bdi", {class: "data"}, customers.name[i] || ""), isText: true, class: "name left"}] : []),
    {key: "type", of: i => customers.type[i], csv: i => kindName(customers.type[i]), cell: i => kind(customers.type[i]), class: "left"},
    {key: "probability", of: i => customers.p[5 * i + customers.type[i]] / 1000, cell: i => chance(customers.p[5 * i + customers.type[i]]), isDown: true},
    {key: "second", of: i => customers.second[i], csv: i => kindName(customers.second[i]), cell: i => kind(customers.second[i]), class: "left second"},
    {key: "gap", of: i => customers.gap[i] / 100, cell: i => signed(customers.gap[i]), class: "third", isDown: true},
    {key: "exposure", of: i => customers.exposure[i], cell: i => money(customers.exposure[i]), class: "second", isDown: true},
    ...(data.since ? [{key: "before", of: i => customers.before[i], csv: i => customers.before[i] < 0 ? t("new") : kindName(customers.before[i]), cell: i => customers.before[i] < 0 ? t("new") : kind(customers.before[i]), class: "left third"}] : []),
    {key: "decided", of: i => customers.is_referred[i], csv: i => t(customers.is_referred[i] ? "person" : "model_decides"), cell: i => h("span", {class: customers.is_referred[i] ? "badge person" : "badge"}, t(customers.is_referred[i] ? "person" : "model_decides")), class: "left second", isDown: true},
  ];
  const order = new Intl.Collator("zh-CN", {numeric: true});
  const chosen = () => {
    const asked = folded(state.query).split(/\s+/).filter(Boolean);
    const found = places.filter(i => (state.type === "" || customers.type[i] === Number(state.type)) && (state.decision === "" || customers.is_referred[i] === Number(state.decision)) &&
      (!state.changed || isChanged(i)) && asked.every(word => haystack[i].includes(word)));
    const column = columns.find(each => each.key === state.by);
    if (!column) return found;
    const keys = new Map(found.map(i => [i, column.of(i)])), way = state.down ? -1 : 1;
    const isEmpty = value => value === null || value === undefined || value === "";
    return found.sort((i, j) => {
      const a = keys.get(i), b = keys.get(j);
      if (isEmpty(a) || isEmpty(b)) return isEmpty(a) - isEmpty(b) || i - j;  // what is not known comes last either way
      return way * (column.isText ? order.compare(a, b) : a - b) || i - j;
    });
  };
  const list = () => {
    const pick = (id, label, key, options) => h("label", {}, t(label), h("select", {id, onchange: event => { Object.assign(state, {[key]: event.target.value, page: 0}); drawList(); }},
      options.map(([value, text]) => h("option", {value, selected: value === String(state[key])}, text))));
    return h("section", {class: "card", id: "customers", "aria-labelledby": "customers-title"}, h("h2", {id: "customers-title"}, t("list_title")),
      h("div", {class: "tools", role: "search"},
        h("label", {}, t("search"), h("input", {id: "search", type: "search", value: state.query, placeholder: t("search_hint"), autocomplete: "off", spellcheck: "false", oninput: event => { Object.assign(state, {query: event.target.value, page: 0}); drawList(); }})),
        pick("by-type", "type", "type", [["", t("all_types")], ...types.map((_, place) => [String(place), kindName(place)])]),
        pick("by-decision", "decision", "decision", [["", t("all")], ["1", t("only_referred")], ["0", t("not_referred")]]),
        data.since && h("label", {}, t("changes"), h("select", {id: "by-change", onchange: event => { Object.assign(state, {changed: event.target.value === "1", page: 0}); drawList(); }},
          h("option", {value: ""}, t("all")), h("option", {value: "1", selected: state.changed}, t("only_changed")))),
        h("button", {type: "button", class: "plain", id: "clear", onclick: () => { Object.assign(state, {query: "", type: "", decision: "", changed: false, page: 0}); draw(); document.getElementById("search").focus(); }}, t("clear")),
        h("button", {type: "button", class: "plain right", id: "download", onclick: download}, t("download"))),
      h("p", {class: "hint", id: "found", role: "status", "aria-live": "polite"}),
      h("div", {class: "scroll"}, h("table", {class: "list"}, h("thead", {id: "heads"}), h("tbody", {id: "rows"}))), h("div", {id: "nobody"}),
      h("div", {class: "pages", id: "pages"}));
  };
  const drawList = () => {
    const found = chosen(), pages = Math.max(1, Math.ceil(found.length / PAGE)), at = id => document.getElementById(id);
    state.page = Math.min(state.page, pages - 1);
    at("found").textContent = t("found", {n: whole(found.length), all: whole(n)});
    at("heads").replaceChildren(h("tr", {}, columns.map(column => {
      const title = t(column.key, {day: data.since});
      return h("th", {scope: "col", class: column.class, "aria-sort": state.by === column.key ? state.down ? "descending" : "ascending" : "none"}, h("button", {type: "button", "data-sort": column.key, title: t("sort", {by: title}), onclick: () => {
        Object.assign(state, {by: column.key, down: state.by === column.key ? !state.down : Boolean(column.isDown), page: 0});
        drawList();
        document.querySelector(`[data-sort="${column.key}"]`).focus();
      }}, title));
    })));
    at("rows").replaceChildren(...found.slice(state.page * PAGE, (state.page + 1) * PAGE).map(i => h("tr", {onclick: event => {
      if (!event.target.closest("a") && !String(getSelection())) show(i);
    }}, columns.map(column => h("td", {class: column.class}, column.cell(i))))));
    at("nobody").replaceChildren(...(found.length ? [] : [h("p", {class: "empty"}, t("nobody"))]));
    const turn = (by, key) => h("button", {type: "button", class: "plain", id: key, disabled: by < 0 ? state.page === 0 : state.page >= pages - 1, onclick: () => { state.page += by; drawList(); at("customers").scrollIntoView(); (at(key).disabled ? at(key === "next" ? "back" : "next") : at(key)).focus({preventScroll: true}); }}, t(key));
    at("pages").replaceChildren(...(pages > 1 ? [h("span", {}, t("page_of", {page: whole(state.page + 1), pages: whole(pages)})), turn(-1, "back"), turn(1, "next")] : []));
  };

  /* The list as a file, in which no text begins a formula: an apostrophe stands before it. */
  const download = () => {
    const cell = value => typeof value === "number" ? String(value) : value === null || value === undefined ? "" : `"${String(value).replace(/[\t\n\v\f\r\x85\u2028\u2029]/g, " ").replace(FORMULA, "$1'").replace(/"/g, '""')}"`;
    const probabilities = types.map((_, place) => ({title: `${t("probability")} ${kindName(place)}`, of: i => customers.p[5 * i + place] / 1000}));
    const all = [...columns.filter(column => column.key !== "probability").map(column => ({title: t(column.key, {day: data.since}), of: column.csv || column.of})), ...probabilities,
      {title: t("possible_types"), of: i => possible(i).map(kindName).join("; ")}, {title: t("strategy"), of: i => data.strategies[lang][customers.type[i]]},
      {title: t("as_of"), of: () => data.as_of}, {title: t("model_version"), of: () => data.model}];
    const lines = [all.map(column => cell(column.title)), ...chosen().map(i => all.map(column => cell(column.of(i))))].map(line => line.join(","));
    const link = h("a", {href: URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], {type: "text/csv;charset=utf-8"})), download: `pentad-${data.as_of}.csv`});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  /* A case. */
  const possible = i => [...types.keys()].filter(place => customers.possible[i] & (1 << place));
  const show = i => { location.hash = encodeURIComponent(keys[i]); };
  const asked = () => {
    try { return placeOf.get(decodeURIComponent(location.hash.slice(1))); } catch { return undefined; /* no customer is called so */ }
  };
  const fromHash = () => {
    const i = asked();
    if (i === undefined) { if (dialog.open) dialog.close(); return; }
    Object.assign(state, {open: i, against: customers.second[i]});
    drawCase();
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    document.getElementById("case-title").focus();
  };
  dialog.addEventListener("close", () => {
    const i = state.open;
    if (dialog.open || (asked() ?? i) !== i) return;  // another case was opened, or asked for, before this one was told to be closed
    state.open = null;
    dialog.replaceChildren();
    if (location.href.includes("#")) history.replaceState(null, "", location.href.split("#")[0]);
    const link = [...document.querySelectorAll("#rows a")].find(each => each.getAttribute("href") === "#" + encodeURIComponent(keys[i]));
    if (link) link.focus({preventScroll: true});
  });
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  window.addEventListener("hashchange", fromHash);

  const side = (i, pair, isAgainst) => {
    const at = 8 * i + 2 * pair + Number(isAgainst), before = shownAt[i] + sumOf(cases.shown.slice(8 * i, at));
    const rows = [];
    for (let k = before; k < before + cases.shown[at]; k++) {
      const fact = factAt[i] + cases.fact[k], template = cases.template[fact], numbers = cases.numbers[fact].split(" ");
      rows.push({push: cases.push[k], part: cases.template_part[template], percentile: cases.percentile[fact],
        words: cases.templates[template][lang].map(piece => typeof piece === "number" ? numbers[piece] : piece).join("")});
    }
    return {rows, n_rest: cases.n_rest[at], rest: cases.rest[at]};
  };
  const factors = (found, isAgainst) => h("ul", {class: isAgainst ? "factors minus" : "factors"},
    found.rows.map(row => h("li", {}, h("span", {class: "push"}, signed(row.push)), h("span", {class: "words"}, row.words), h("span", {}),
      h("span", {class: row.percentile < 0 ? "where bare" : "where"}, row.percentile < 0 ? null : h("span", {class: "track", "aria-hidden": "true"}, h("i", {style: {left: row.percentile + "%"}})),
        h("span", {}, data.part_names[lang][row.part], row.percentile < 0 ? "" : " · " + t("percentile", {share: row.percentile + "%"}))))),
    found.n_rest ? h("li", {class: "rest"}, h("span", {class: "push"}, signed(found.rest)), h("span", {class: "sub"}, found.n_rest === 1 ? t("rest_one") : t("rest", {n: whole(found.n_rest)}))) : null,
    !found.rows.length && h("li", {}, h("span", {}), h("span", {class: "sub"}, t("nothing"))));

  const drawCase = () => {
    const i = state.open, own = customers.type[i], p = place => customers.p[5 * i + place], others = [...types.keys()].filter(place => place !== own);
    const pair = others.indexOf(state.against), start = 5 * (4 * i + pair), sizes = cases.parts.slice(start, start + 5);
    const gap = cases.gaps[4 * i + pair];
    const fill = {a: kindName(own), b: kindName(state.against), p_a: chance(p(own)), p_b: chance(p(state.against))};
    const shown = chosen(), at = shown.indexOf(i), step = (by, key, sign) => h("button", {type: "button", class: "plain square", id: key, title: t(key), "aria-label": t(key), disabled: at < 0 || shown[at + by] === undefined, onclick: () => {
      show(shown[at + by]);
    }}, sign);
    const may = possible(i), before = customers.before[i];
    const times = Math.exp(gap / 100).toLocaleString("en-US", {maximumSignificantDigits: 2});
    dialog.replaceChildren(
      h("div", {class: "casehead"}, h("div", {}, h("h2", {id: "case-title", tabindex: "-1", "aria-label": t("case_of", {who: customers.id[i]})}, h("span", {class: "data"}, customers.id[i]), customers.name && customers.name[i] ? [" ", h("bdi", {class: "data"}, customers.name[i])] : null),
        kind(own)), h("div", {class: "buttons"}, switchLanguage(), step(-1, "earlier", "‹"), step(1, "later", "›"), h("button", {type: "button", class: "plain square", id: "close", title: t("close"), "aria-label": t("close"), onclick: () => dialog.close()}, "×"))),
      h("div", {class: "casebody"},
        h("p", {class: "verdict", id: "verdict"}, t("rather", {...fill, gap: signed(gap), times})),
        h("p", {class: "facts"}, h("span", {}, t("exposure"), lang === "zh" ? "：" : ": ", money(customers.exposure[i])),
          data.since && h("span", {}, before < 0 ? t("was_new", {day: data.since}) : before === own ? t("unchanged", {day: data.since}) : t("was", {kind: kindName(before), day: data.since}))),
        h("p", {class: customers.is_referred[i] ? "banner person" : "banner"}, h("b", {}, t(customers.is_referred[i] ? "referral" : "no_referral")), " ", may.length ? t("possible", {types: may.map(kindName).join(t("separator"))}) : t("possible_none")),
        h("div", {class: "pair"},
          h("section", {}, h("h3", {}, t("probabilities")), h("dl", {class: "probabilities"}, [...types.keys()].sort((a, b) => p(b) - p(a) || a - b).map(place => {
            const is = may.includes(place) ? "is-possible " : "is-out ";
            return [h("dt", {class: is + types[place], title: may.includes(place) ? t("cannot_rule_out") : null}, kind(place)), h("dd", {class: types[place]}, bar(p(place), 1000)), h("dd", {class: "number " + is, "data-p": types[place]}, chance(p(place)))];
          }))),
          h("section", {}, h("h3", {}, t("account")), h("div", {class: "against"}, h("span", {class: "sub"}, t("against")), choice(t("against"), [...others].sort((a, b) => p(b) - p(a) || a - b).map(place => [place, kindName(place)]), state.against, value => {
            state.against = value;
            drawCase();
            dialog.querySelector(`.against [data-value="${value}"]`).focus();
          })), signedBars(sizes, data.part_names[lang], gap), h("p", {class: "hint last"}, t("account_hint", fill), " ", t("rounded")))),
        h("div", {class: "pair"}, [false, true].map(isAgainst => h("section", {id: isAgainst ? "against" : "for"}, h("h3", {}, t("speaks", {kind: kindName(isAgainst ? state.against : own)})), factors(side(i, pair, isAgainst), isAgainst)))),
        data.alerts && alertsOf(i),
        h("div", {class: "advice " + types[own]}, h("h3", {}, t("what_to_do")), h("p", {id: "strategy"}, data.strategies[lang][own]), h("p", {class: "sub"}, t("typical"), lang === "zh" ? "：" : ": ", data.traits[lang][own])),
        h("p", {class: "sub", id: "steady"}, customers.steady[lang][customers.steady_of[i]]),
        h("p", {class: "casefoot"}, t("model", {model: data.model}), " · ", t("data", {fingerprint: data.fingerprint.slice(0, 12)}))));
  };

  draw();
  fromHash();
  document.documentElement.dataset.ready = "yes";
})();
