"""Each region and year: the same weekdays as an independent library has them."""
import datetime
import json
import sys
import urllib.request

import holidays
from dateutil.easter import easter

ADDRESS = sys.argv[1]
YEARS = range(1991, 2051)
# The library's name of our regions, the first year for which both know the law, and the categories that it sorts them in.
REGIONS = {
    "AT": ("AT", None, 1991), "DE": ("DE", None, 1991), "FR": ("FR", None, 1991), "NL": ("NL", None, 1991), "US": ("US", None, 1991),
    "FR-57": ("FR", "57", 1991), "FR-67": ("FR", "6AE", 1991), "FR-68": ("FR", "6AE", 1991),
    "GB-EAW": ("GB", "ENG", 1991), "GB-SCT": ("GB", "SCT", 1991), "GB-NIR": ("GB", "NIR", 1991),
    "CH": ("CH", None, 2011),
    **{f"CH-{canton}": ("CH", canton, 2011)
       for canton in "AG AI AR BE BL BS FR GE GL GR JU LU NE NW OW SG SH SO SZ TG TI UR VD VS ZG ZH".split()},
    **{f"DE-{land}": ("DE", land, 1991) for land in "BW BY BE BB HB HH HE MV NI NW RP SL SN ST SH TH".split()},
}


def meant(region, day):
    """Where the two mean different things, and why."""
    year = int(day[:4])
    if region == "NL":
        # The General Extension of Time Limits Act knows Liberation Day every year, employers mostly every fifth one. Good
        # Friday ends no term, but is no holiday of article 3(1).
        return day[5:] == "05-05" or day in GOOD_FRIDAYS
    if region.startswith("FR") and 2005 <= year <= 2007:
        # Whit Monday was a holiday on which people worked.
        return day in WHIT_MONDAYS
    if region == "CH-AG":
        # The library has what any district has; here is what all of them have.
        return day in OF_DISTRICTS
    # The Act about St Andrew's Day had Royal Assent on 15 January 2007.
    return (region, day) == ("GB-SCT", "2006-11-30")


GOOD_FRIDAYS = {(easter(year) - datetime.timedelta(2)).isoformat() for year in YEARS}
OF_DISTRICTS = {
    f"{year}-{day}" for year in YEARS for day in ("01-02", "05-01", "08-15", "11-01", "12-08", "12-26")
} | {(easter(year) + datetime.timedelta(days)).isoformat() for year in YEARS for days in (1, 50, 60)}
WHIT_MONDAYS = {(easter(year) + datetime.timedelta(50)).isoformat() for year in YEARS}


def ask(query, variables=None, token=None):
    request = urllib.request.Request(
        ADDRESS + "/graphql", json.dumps({"query": query, "variables": variables or {}}).encode(),
        {"content-type": "application/json", "accept": "application/graphql-response+json", **({"authorization": f"Bearer {token}"} if token else {})},
    )
    with urllib.request.urlopen(request) as answer:
        body = json.load(answer)
    if "errors" in body:
        raise SystemExit(body["errors"])
    return body["data"]


def sign_in():
    own = ask('mutation { signIn(input: { email: "accountant@demo.example", password: "demo-Ledger-4711" }) { accessToken } }')["signIn"]["accessToken"]
    client = ask("{ clients(first: 1) { nodes { id } } }", token=own)["clients"]["nodes"][0]["id"]
    taken = ask("mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken } }", {"input": {"client": client}}, own)
    return taken["clientTokenCreate"]["accessToken"]


def theirs(region, year):
    country, part, _ = REGIONS[region]
    known = holidays.country_holidays(country, subdiv=part, years=year, language="en_US" if country != "GB" else "en_GB")
    return {day.isoformat() for day in known if day.year == year and day.weekday() < 5}


def main():
    token = sign_in()
    known = ask("{ holidayRegions }", token=token)["holidayRegions"]
    passed = failed = 0
    for region in known:
        if region not in REGIONS:
            print(f"{region}: not in the library")
            continue
        for start in range(YEARS.start, YEARS.stop, 10):
            years = [year for year in range(start, start + 10) if year >= REGIONS[region][2]]
            if not years:
                continue
            fields = " ".join(f'y{year}: holidays(region: "{region}", year: {year}) {{ date name }}' for year in years)
            data = ask(f"{{ {fields} }}", token=token)
            for year in years:
                ours = {}
                for day in data[f"y{year}"]:
                    ours.setdefault(day["date"], day["name"])
                weekdays = {day for day in ours if datetime.date.fromisoformat(day).weekday() < 5}
                differ = {day for day in weekdays ^ theirs(region, year) if not meant(region, day)}
                if differ:
                    failed += 1
                    told = ", ".join(f"{day} ({ours.get(day, 'theirs alone')})" for day in sorted(differ))
                    print(f"FAILED {region} {year}: {told}")
                else:
                    passed += 1
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
